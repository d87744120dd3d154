// The compact form of a frame in the agent's termination message. It is plain JSON, so that people can read it in the
// output of `kubectl describe pod`.
#include "api/frame_json.h"
#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/encoding.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

constexpr JsonLimits kMessageLimits{.max_depth = kMaxJsonDepth + 5};

// Keeps at most the first `bytes` bytes. Cuts between two characters, so that the rest stays valid UTF-8.
void keep_front(std::string& text, std::size_t bytes) {
  text.resize(utf8_front(text, bytes).size());
}

// Keeps at most the last `bytes` bytes, in the same way.
void keep_back(std::string& text, std::size_t bytes) {
  text.erase(0, text.size() - utf8_back(text, bytes).size());
}

// Cuts the stream to `bytes` bytes: at most a quarter of them for the head, the rest for the tail. The end is worth
// more than the beginning, because the last line of a traceback says what failed.
void shrink(CapturedStream& stream, std::size_t bytes) {
  if (stream.head.size() + stream.tail.size() <= bytes) return;
  if (stream.tail.empty()) stream.tail = std::exchange(stream.head, {});
  keep_front(stream.head, bytes / 4);
  keep_back(stream.tail, bytes - std::min(bytes, stream.head.size()));
}

// The first and last kTerminationMessageBytes of the stream, more than can fit.
CapturedStream ends_of(const CapturedStream& stream) {
  const std::string_view last = stream.tail.empty() ? stream.head : stream.tail;
  if (stream.tail.empty() && stream.head.size() <= 2 * kTerminationMessageBytes) return stream;
  return {std::string(utf8_front(stream.head, kTerminationMessageBytes)),
          std::string(utf8_back(last, kTerminationMessageBytes)), stream.total_bytes};
}

std::string render(const ResultFrame& frame, bool complete) {
  return fmt::format(R"({{"complete":{},"frame":{}}})", complete, encode_frame(frame));
}

// No more bytes than the text of `frame` has, found without making it.
std::size_t least_bytes(const ResultFrame& frame) {
  std::size_t bytes = frame.out.head.size() + frame.out.tail.size() + frame.err.head.size() + frame.err.tail.size();
  bytes += frame.outputs ? frame.outputs->size() : 0;
  for (const Artifact& artifact : frame.artifacts) bytes += artifact.bytes ? artifact.bytes->size() : 0;
  for (const auto& row : frame.rows) bytes += row.size();
  return bytes;
}

bool fits(const std::string& text) {
  return text.size() <= kTerminationMessageBytes;
}

// Bounds the parts that are kept longest when room is short, to 1,792 bytes in all. JSON escapes can make that up to
// six times as long, so these bounds alone do not guarantee that the message fits.
void bound_fixed_parts(ResultFrame& frame) {
  keep_front(frame.run_uid, 64);
  if (frame.error) {
    keep_front(frame.error->reason, 64);
    keep_front(frame.error->message, 1024);
  }
  keep_front(frame.artifact_loss, 128);
  keep_front(frame.warning, 512);
}

// A copy without artifacts and rows, without outputs of more than 2 KiB as text, and with the ends of the streams only.
// The streams keep their total; one that is cut has a tail, as shrink() leaves it.
ResultFrame without_large_parts(const ResultFrame& frame) {
  ResultFrame out;
  out.run_uid = frame.run_uid;
  out.attempt = frame.attempt;
  out.exit = frame.exit;
  if (frame.outputs && frame.outputs->size() <= 2048) out.outputs = frame.outputs;
  if (!frame.artifacts.empty() || !frame.artifact_loss.empty()) {
    out.artifact_loss = "no artifact was kept: the agent's log was gone, and its termination message has no room";
  }
  out.at_point = frame.at_point;
  out.error = frame.error;
  out.warning = frame.warning;
  out.rings = frame.rings.substr(0, 64);
  out.out = ends_of(frame.out);
  out.err = ends_of(frame.err);
  return out;
}

}  // namespace

std::string frame_to_termination_message(const ResultFrame& frame) {
  std::string text;
  if (least_bytes(frame) <= kTerminationMessageBytes) {
    text = render(frame, true);
    if (fits(text)) return text;
  }
  // Without what cannot fit: the agent's memory is bounded.
  ResultFrame small = without_large_parts(frame);
  small.run_uid = make_valid_utf8(small.run_uid);
  small.warning = make_valid_utf8(small.warning);
  if (small.error)
    small.error = FrameError{make_valid_utf8(small.error->reason), make_valid_utf8(small.error->message)};
  bound_fixed_parts(small);
  // Outputs are worth more than the text of the streams, but outputs of more than 2 KiB would leave too little room
  // for the text.
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
  const json& inner = (*value)["frame"];
  auto frame = frame_from_json(inner);
  if (!frame) return fail_in("termination message", frame.error());
  if (const json& outputs = member(inner, "outputs"); !outputs.is_null()) {
    if (!outputs.is_object()) return fail(ErrorKind::kInvalid, "termination message: 'outputs' is not an object");
    frame->outputs = outputs;
  }
  const auto complete = value->find("complete");
  return CompactFrame{*std::move(frame), complete != value->end() && complete->is_boolean() && complete->get<bool>()};
}

}  // namespace modelrun::api
