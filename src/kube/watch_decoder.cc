#include "kube/watch_decoder.h"

#include "api/json_access.h"
#include "base/large_document.h"
#include "base/text.h"
#include "kube/client.h"

namespace modelrun::kube {
namespace {

std::optional<EventType> event_type(std::string_view name) {
  if (name == "ADDED") return EventType::kAdded;
  if (name == "MODIFIED") return EventType::kModified;
  if (name == "DELETED") return EventType::kDeleted;
  if (name == "BOOKMARK") return EventType::kBookmark;
  if (name == "ERROR") return EventType::kError;
  return std::nullopt;
}

Result<WatchEvent> parse_event(std::string_view line) {
  Json parsed = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return fail(ErrorKind::kInvalid, "watch event: not a JSON object");
  const auto type = parsed.find("type");
  const auto object = parsed.find("object");
  if (type == parsed.end() || !type->is_string() || object == parsed.end() || !object->is_object()) {
    return fail(ErrorKind::kInvalid, "watch event: no type or no object");
  }
  const auto known = event_type(type->get_ref<const std::string&>());
  if (!known) return fail(ErrorKind::kInvalid, "watch event: unknown type '{}'", type->get_ref<const std::string&>());
  return WatchEvent{*known, std::move(*object), line.size()};
}

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

Result<bool> WatchDecoder::feed(std::string_view chunk, const std::function<bool(WatchEvent&&)>& on_event) {
  while (!chunk.empty()) {
    const auto newline = chunk.find('\n');
    const auto piece = chunk.substr(0, newline);
    if (partial_.size() + piece.size() > max_line_) {
      return fail(ErrorKind::kTooLarge, "watch event: more than {} bytes", max_line_);
    }
    if (newline == std::string_view::npos) {
      partial_.append(piece);
      return true;
    }
    chunk.remove_prefix(newline + 1);
    if (!partial_.empty()) partial_.append(piece);
    const std::string_view line = partial_.empty() ? piece : std::string_view{partial_};
    if (!blank(line)) {
      const LargeDocument turn(line.length());
      auto event = parse_event(line);
      RETURN_IF_ERROR(event);
      if (!on_event(std::move(*event))) return false;
    }
    // Frees the memory of a large event, because the watch may then be quiet for a long time.
    if (partial_.capacity() > 64U << 10U) free_text(partial_);
    partial_.clear();
  }
  return true;
}

Result<void> WatchDecoder::finish() const {
  if (blank(partial_)) return {};
  return fail(ErrorKind::kUnavailable, "watch event: cut off after {} bytes", partial_.size());
}

Error watch_error(const WatchEvent& event) {
  int code = 500;
  const auto found = event.object.find("code");
  if (found != event.object.end() && found->is_number_integer()) found->get_to(code);
  return status_error("watch event", Response{.status = code, .body = api::json_text(event.object), .retry_after = {}});
}

}  // namespace modelrun::kube
