#include "api/frame_json.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/json_access.h"
#include "api/points.h"
#include "api/strict_json.h"
#include "base/encoding.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<ExitHow, std::string_view>, 7> kExitHows{{
    {ExitHow::kExited, "Exited"},
    {ExitHow::kSignaled, "Signaled"},
    {ExitHow::kTimedOut, "TimedOut"},
    {ExitHow::kCancelled, "Cancelled"},
    {ExitHow::kTerminated, "Terminated"},
    {ExitHow::kLost, "Lost"},
    {ExitHow::kNotStarted, "NotStarted"},
}};

// Outputs may be kMaxJsonDepth deep; the objects around them in the frame need a few levels more.
// An artifact has six values, a row is one, and all the rest of a frame some twenty; there is room for what a later
// agent adds.
constexpr JsonLimits kFrameLimits{.max_depth = kMaxJsonDepth + 4,
                                  .max_values = 40 * kMaxArtifacts,
                                  .max_bytes = kMaxFrameBytes,  // numbers may become longer, for example 1e14
                                  .text_member = "outputs"};

constexpr std::size_t kMaxRingsBytes = 64;

// Reads the members of one object. Keeps the first error; after it, find() returns nullptr.
class Reader {
 public:
  Reader(const json& object, std::string_view where) : object_(object), where_(where) {
    if (!object.is_object()) error_ = Error{ErrorKind::kInvalid, fmt::format("{}: not an object", where)};
  }

  // Returns nullptr when the member is absent or null, and when it is of another type; the latter sets error().
  const json* find(const char* name, json::value_t type) {
    if (error_) return nullptr;
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) return nullptr;
    const bool integer = type == json::value_t::number_integer && found->is_number_integer();
    if (!integer && found->type() != type) {
      error_ = Error{ErrorKind::kInvalid, fmt::format("{}: '{}' is not a {}", where_, name, json(type).type_name())};
      return nullptr;
    }
    return &*found;
  }

  std::optional<std::int64_t> integer(const char* name) {
    const json* value = find(name, json::value_t::number_integer);
    return value == nullptr ? std::nullopt : std::optional(value->get<std::int64_t>());
  }

  std::string text(const char* name) {
    const json* value = find(name, json::value_t::string);
    return value == nullptr ? std::string() : value->get<std::string>();
  }

  std::optional<Time> time(const char* name) {
    const json* value = find(name, json::value_t::string);
    if (value == nullptr) return std::nullopt;
    const auto parsed = parse_rfc3339(value->get_ref<const std::string&>());
    if (!parsed) error_ = Error{ErrorKind::kInvalid, fmt::format("{}: '{}' is not a time", where_, name)};
    return parsed;
  }

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  const json& object_;
  std::string where_;
  std::optional<Error> error_;
};

json stream_to_json(const CapturedStream& stream) {
  return {{"head", stream.head}, {"tail", stream.tail}, {"totalBytes", stream.total_bytes}};
}

Result<CapturedStream> stream_from_json(const json& frame, const char* name) {
  const auto found = frame.find(name);
  if (found == frame.end()) return CapturedStream{};
  Reader reader(*found, name);
  CapturedStream stream{
      reader.text("head"), reader.text("tail"),
      static_cast<std::uint64_t>(std::max<std::int64_t>(reader.integer("totalBytes").value_or(0), 0))};
  if (reader.error()) return std::unexpected(*reader.error());
  return stream;
}

json artifact_to_json(const Artifact& artifact) {
  json out{{"name", artifact.name},
           {"size", artifact.size},
           {"sha256", artifact.sha256},
           {"mediaType", artifact.media_type}};
  if (artifact.bytes) out[artifact.gzip ? "gzip" : "bytes"] = base64_encode(*artifact.bytes);
  return out;
}

Result<Artifact> artifact_from_json(const json& value) {
  Reader reader(value, "artifact");
  Artifact artifact;
  artifact.name = reader.text("name");
  artifact.size = static_cast<std::uint64_t>(std::max<std::int64_t>(reader.integer("size").value_or(0), 0));
  artifact.sha256 = reader.text("sha256");
  artifact.media_type = reader.text("mediaType");
  const json* bytes = reader.find("bytes", json::value_t::string);
  if (const json* packed = reader.find("gzip", json::value_t::string); packed != nullptr) {
    bytes = packed;
    artifact.gzip = true;
  }
  if (reader.error()) return std::unexpected(*reader.error());
  if (bytes != nullptr) {
    auto decoded = base64_decode(bytes->get_ref<const std::string&>());
    if (!decoded) return fail_in("artifact bytes", decoded.error());
    artifact.bytes = *std::move(decoded);
  }
  return artifact;
}

Result<void> read_artifacts(const json& list, std::vector<Artifact>& out) {
  for (const json& item : list) {
    auto artifact = artifact_from_json(item);
    RETURN_IF_ERROR(artifact);
    out.push_back(*std::move(artifact));
  }
  return {};
}

Result<void> read_rows(const json& list, std::vector<std::string>& out) {
  if (list.size() > kMaxUnstoredRows) return fail(ErrorKind::kTooLarge, "frame: {} rows", list.size());
  for (const json& row : list) {
    if (!row.is_string()) return fail(ErrorKind::kInvalid, "frame: a row is not a string");
    out.push_back(row.get<std::string>());
  }
  return {};
}

}  // namespace

std::string_view to_string(ExitHow how) {
  for (const auto& [value, name] : kExitHows) {
    if (value == how) return name;
  }
  return "Lost";
}

Result<ExitHow> parse_exit_how(std::string_view name) {
  for (const auto& [value, word] : kExitHows) {
    if (word == name) return value;
  }
  return fail(ErrorKind::kNotFound, "exit record: unknown kind of end '{}'", name);
}

json exit_to_json(const ExitRecord& exit) {
  json out{{"how", to_string(exit.how)}};
  if (exit.code) out["code"] = *exit.code;
  if (exit.signal) out["signal"] = *exit.signal;
  if (exit.started_at) out["startedAt"] = format_rfc3339(*exit.started_at);
  if (exit.finished_at) out["finishedAt"] = format_rfc3339(*exit.finished_at);
  if (exit.oom_kills != 0) out["oomKills"] = exit.oom_kills;
  return out;
}

Result<ExitRecord> exit_from_json(const json& value) {
  Reader reader(value, "exit record");
  const auto how = parse_exit_how(reader.text("how"));
  const auto code = reader.integer("code");
  const auto signal = reader.integer("signal");
  ExitRecord exit;
  exit.started_at = reader.time("startedAt");
  exit.finished_at = reader.time("finishedAt");
  exit.oom_kills = reader.integer("oomKills").value_or(0);
  if (reader.error()) return std::unexpected(*reader.error());
  if (!how) return fail(ErrorKind::kInvalid, "{}", how.error().message);
  if (code && (*code < 0 || *code > 255)) return fail(ErrorKind::kInvalid, "exit record: code {} out of range", *code);
  if (signal && (*signal < 1 || *signal > 64)) return fail(ErrorKind::kInvalid, "exit record: no signal {}", *signal);
  exit.how = *how;
  if (code) exit.code = static_cast<int>(*code);
  if (signal) exit.signal = static_cast<int>(*signal);
  return exit;
}

json frame_to_json(const ResultFrame& frame) {
  json out{{"runUid", frame.run_uid},
           {"attempt", frame.attempt},
           {"exit", exit_to_json(frame.exit)},
           {"stdout", stream_to_json(frame.out)},
           {"stderr", stream_to_json(frame.err)}};
  if (!frame.artifacts.empty()) {
    json& list = out["artifacts"] = json::array();
    for (const Artifact& artifact : frame.artifacts) list.push_back(artifact_to_json(artifact));
  }
  if (frame.error) out["error"] = {{"reason", frame.error->reason}, {"message", frame.error->message}};
  if (!frame.artifact_loss.empty()) out["artifactLoss"] = frame.artifact_loss;
  if (!frame.warning.empty()) out["warning"] = frame.warning;
  if (!frame.rings.empty()) out["rings"] = frame.rings;
  if (!frame.rows.empty()) out["rows"] = frame.rows;
  if (frame.first_row != 0) out["firstRow"] = frame.first_row;
  if (frame.at_point) out["atPoint"] = *frame.at_point;
  return out;
}

Result<ResultFrame> frame_from_json(const json& value) {
  Reader reader(value, "frame");
  ResultFrame frame;
  frame.run_uid = reader.text("runUid");
  frame.attempt = static_cast<int>(std::clamp<std::int64_t>(reader.integer("attempt").value_or(0), 0, 1 << 30));
  frame.artifact_loss = reader.text("artifactLoss");
  frame.warning = reader.text("warning");
  frame.rings = utf8_front(reader.text("rings"), kMaxRingsBytes);
  const json* exit_object = reader.find("exit", json::value_t::object);
  const json* artifacts = reader.find("artifacts", json::value_t::array);
  const json* rows = reader.find("rows", json::value_t::array);
  const json* error = reader.find("error", json::value_t::object);
  frame.first_row = std::max<std::int64_t>(reader.integer("firstRow").value_or(0), 0);
  frame.at_point = reader.integer("atPoint");
  if (reader.error()) return std::unexpected(*reader.error());
  if (exit_object == nullptr) return fail(ErrorKind::kInvalid, "frame: no exit record");

  auto exit = exit_from_json(*exit_object);
  RETURN_IF_ERROR(exit);
  frame.exit = *exit;
  auto out = stream_from_json(value, "stdout");
  auto err = stream_from_json(value, "stderr");
  if (!out || !err) return std::unexpected(out ? err.error() : out.error());
  frame.out = *std::move(out);
  frame.err = *std::move(err);
  if (artifacts != nullptr) {
    RETURN_IF_ERROR(read_artifacts(*artifacts, frame.artifacts));
  }
  if (rows != nullptr) {
    RETURN_IF_ERROR(read_rows(*rows, frame.rows));
  }
  if (error != nullptr) {
    Reader inner(*error, "error");
    frame.error = FrameError{inner.text("reason"), inner.text("message")};
    if (inner.error()) return std::unexpected(*inner.error());
  }
  return frame;
}

std::size_t frame_bytes(const ResultFrame& frame) {
  std::size_t bytes =
      sizeof frame + frame.run_uid.size() + frame.artifact_loss.size() + frame.warning.size() + frame.rings.size();
  for (const auto* stream : {&frame.out, &frame.err}) bytes += stream->head.size() + stream->tail.size();
  if (frame.outputs) bytes += frame.outputs->size();
  for (const auto& row : frame.rows) bytes += sizeof(std::string) + row.size();
  if (frame.error) bytes += frame.error->reason.size() + frame.error->message.size();
  for (const Artifact& artifact : frame.artifacts) {
    bytes += sizeof artifact + artifact.name.size() + artifact.media_type.size() + artifact.sha256.size() +
             (artifact.bytes ? artifact.bytes->size() : 0);
  }
  return bytes;
}

Result<std::string> contents_of(const Artifact& artifact) {
  if (!artifact.bytes) return fail(ErrorKind::kNotFound, "its {} bytes were not kept", artifact.size);
  Result<std::string> contents = *artifact.bytes;
  if (artifact.gzip) contents = gunzip(*artifact.bytes, kMaxArtifactContents);
  RETURN_IF_ERROR(contents);
  if (contents->size() == artifact.size) return contents;
  return fail(ErrorKind::kInvalid, "{} bytes where the full result lists {}: it was changed or damaged",
              contents->size(), artifact.size);
}

std::string encode_frame(const ResultFrame& frame) {
  std::string text = json_text(frame_to_json(frame));
  if (frame.outputs) text.insert(1, fmt::format("\"outputs\":{},", frame.outputs->text()));
  return text;
}

Result<ResultFrame> decode_frame(std::string_view text) {
  if (text.size() > kMaxFrameBytes) return fail(ErrorKind::kTooLarge, "frame: {} bytes", text.size());
  auto value = parse_strict(text, kFrameLimits);
  if (!value) return fail_in("frame", value.error());
  // The parser has made it a text.
  std::optional<JsonText> outputs;
  if (value->is_object() && value->contains("outputs")) {
    outputs = JsonText::from_compact(std::move((*value)["outputs"].get_ref<std::string&>()));
    value->erase("outputs");
  }
  auto frame = frame_from_json(*value);
  if (frame) frame->outputs = std::move(outputs);
  return frame;
}

}  // namespace modelrun::api
