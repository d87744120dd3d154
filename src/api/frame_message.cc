// The compact form of a frame in the agent's termination message. Plain JSON, so that `kubectl describe pod` shows it.
#include "api/frame_json.h"
#include "api/strict_json.h"
#include "base/encoding.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

constexpr JsonLimits kMessageLimits{.max_depth = kMaxJsonDepth + 5};

// Cuts at a character's border, so that what is left stays valid UTF-8.
void keep_front(std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80) --bytes;
  text.resize(bytes);
}

void keep_back(std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return;
  std::size_t from = text.size() - bytes;
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80) ++from;
  text.erase(0, from);
}

// The end says more than the beginning: a traceback's last line.
void shrink(CapturedStream& stream, std::size_t bytes) {
  if (stream.head.size() + stream.tail.size() <= bytes) return;
  if (stream.tail.empty()) stream.tail = std::exchange(stream.head, {});
  keep_front(stream.head, bytes / 4);
  keep_back(stream.tail, bytes - std::min(bytes, stream.head.size()));
}

std::string render(const ResultFrame& frame, bool complete) {
  return dump_json({{"complete", complete}, {"frame", frame_to_json(frame)}});
}

bool fits(const std::string& text) {
  return text.size() <= kTerminationMessageBytes;
}

// Bounds on what is kept whatever else goes: together they stay below the limit even if every byte is escaped.
void bound_fixed_parts(ResultFrame& frame) {
  keep_front(frame.run_uid, 64);
  if (frame.error) {
    keep_front(frame.error->reason, 64);
    keep_front(frame.error->message, 1024);
  }
  keep_front(frame.warning, 512);
}

}  // namespace

std::string frame_to_termination_message(const ResultFrame& frame) {
  std::string text = render(frame, true);
  if (fits(text)) return text;

  ResultFrame small = frame;
  small.run_uid = make_valid_utf8(small.run_uid);
  small.warning = make_valid_utf8(small.warning);
  if (small.error)
    small.error = FrameError{make_valid_utf8(small.error->reason), make_valid_utf8(small.error->message)};
  bound_fixed_parts(small);
  small.artifacts.clear();
  // Outputs are worth more than text, as long as 1 KiB of text stays with them.
  if (small.outputs && small.outputs->dump(-1, ' ', false, json::error_handler_t::replace).size() > 2048) {
    small.outputs.reset();
  }
  for (std::size_t room = 2048; room > 0; room /= 2) {
    shrink(small.out, room / 2);
    shrink(small.err, room);
    text = render(small, false);
    if (fits(text)) return text;
  }
  small.out = {{}, {}, small.out.total_bytes};
  small.err = {{}, {}, small.err.total_bytes};
  small.warning.clear();
  for (text = render(small, false); !fits(text); text = render(small, false)) {
    if (small.outputs) {
      small.outputs.reset();
    } else if (small.error && !small.error->message.empty()) {
      keep_front(small.error->message, small.error->message.size() / 2);
    } else {
      small.error.reset();
      small.run_uid.clear();
    }
  }
  return text;
}

Result<CompactFrame> frame_from_termination_message(std::string_view text) {
  if (text.empty()) return fail(ErrorKind::kNotFound, "no termination message");
  const auto value = parse_strict(text, kMessageLimits);
  if (!value) return fail_in("termination message", value.error());
  if (!value->is_object() || !value->contains("frame")) {
    return fail(ErrorKind::kInvalid, "termination message: no frame in it");
  }
  auto frame = frame_from_json((*value)["frame"]);
  if (!frame) return fail_in("termination message", frame.error());
  const auto complete = value->find("complete");
  return CompactFrame{*std::move(frame), complete != value->end() && complete->is_boolean() && complete->get<bool>()};
}

}  // namespace modelrun::api
