#include <algorithm>

#include "api/json_access.h"
#include "base/encoding.h"
#include "gateway/runs/cursor.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"
#include "gateway/runs/text_part.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;
using api::text_at;

constexpr std::string_view kLogCursor = "log";
// Where the text comes from, for cursors: offsets into one mean nothing in the other. A live source has the pod's name
// behind it.
constexpr std::string_view kKept = "kept";
constexpr std::string_view kLive = "live/";
constexpr std::string_view kStderrBegins = "--- stderr ---\n";

json get_run_log_input() {
  json stream = words("Which stream. 'both': stdout, then stderr. While the run goes on there is one log of both.",
                      {"both", "stdout", "stderr"});
  stream["default"] = "both";
  json offset = of_type("integer",
                        "The first byte, from 0. Negative: so many bytes before the end, with limit 65536 if none "
                        "is given; -4096 for the last 4 KiB.");
  offset.update({{"minimum", -static_cast<std::int64_t>(kMaxPart)}, {"maximum", 1'073'741'824}, {"default", 0}});
  return object(
      {{"run_id", text(kAnyRunId)},
       {"stream", std::move(stream)},
       {"offset", std::move(offset)},
       {"limit", part_limit()},
       {"cursor", optional_text("next_cursor of the answer before, for what comes after it. The stream is that of "
                                "the first call; not together with offset.")}},
      {"run_id"});
}

json get_run_log_result() {
  return object(
      {{"run_id", text(kRunId)},
       {"status", status("The run's.")},
       {"stream", words("What the text is of; 'both' while the run goes on.", {"both", "stdout", "stderr"})},
       {"text", text("What was printed.")},
       {"offset", of_type("integer", "Of the text in all that can be read, in bytes.")},
       {"next_cursor",
        text_or_null("For what comes after; also while the run goes on and has printed no more. null: the run "
                     "is over and this is the end.")},
       {"total_bytes", of_type({"integer", "null"}, "All that can be read now; null: not read to its end.")},
       {"stdout_bytes", of_type({"integer", "null"}, "What the model printed in all; null: not known, or it goes on.")},
       {"stderr_bytes", of_type({"integer", "null"}, "The same for standard error.")},
       {"truncated", of_type("boolean", "A part of what was printed is not kept and cannot be read.")},
       {"restarted", of_type("boolean",
                             "What the cursor points into is gone, as the run is over or was begun again in "
                             "another pod: this is the beginning of what is there now.")}},
      {"run_id", "status", "stream", "text", "offset", "next_cursor", "total_bytes", "stdout_bytes", "stderr_bytes",
       "truncated", "restarted"});
}

struct Wanted {
  std::string stream;
  std::string source;  // of the cursor; empty without one
  std::int64_t offset = 0;
  std::size_t limit = kUsualPart;
};

Result<Wanted> wanted_of(const json& arguments, const std::string& run_id) {
  Wanted wanted;
  wanted.stream = text_at(arguments, "stream");
  wanted.offset = api::int_at(arguments, "offset").value_or(0);
  const auto usual = wanted.offset < 0 ? kMaxPart : kUsualPart;
  wanted.limit = static_cast<std::size_t>(api::int_at(arguments, "limit").value_or(static_cast<std::int64_t>(usual)));
  if (const auto cursor = text_at(arguments, "cursor"); !cursor.empty()) {
    if (arguments.contains("offset")) return std::unexpected(bad_cursor("it cannot be given together with offset"));
    const auto place = decode_cursor(kLogCursor, cursor);
    RETURN_IF_ERROR(place);
    if (text_at(*place, "run") != run_id) return std::unexpected(bad_cursor("it is of another run"));
    const auto before = text_at(*place, "stream");
    if (!wanted.stream.empty() && wanted.stream != before) {
      return std::unexpected(bad_cursor("it is of another stream"));
    }
    wanted.stream = before;
    wanted.source = text_at(*place, "source");
    wanted.offset = std::max<std::int64_t>(0, api::int_at(*place, "offset").value_or(0));
  }
  if (wanted.stream.empty()) wanted.stream = "both";
  return wanted;
}

std::string cursor_at(const std::string& run_id, const Wanted& wanted, std::string_view source, std::uint64_t offset) {
  return encode_cursor(kLogCursor,
                       {{"run", run_id}, {"stream", wanted.stream}, {"source", source}, {"offset", offset}});
}

// Whether the cursor has passed a part of another text than that of `source`.
bool is_elsewhere(const Wanted& wanted, std::string_view source) {
  return !wanted.source.empty() && wanted.source != source && wanted.offset > 0;
}

json count_or_null(const std::optional<std::uint64_t>& count) {
  return count ? json(*count) : json(nullptr);
}

std::string text_of(KeptStreams& kept, const std::string& stream) {
  if (stream == "stdout") return std::move(kept.out.text);
  if (stream == "stderr" || kept.out.text.empty()) return std::move(kept.err.text);
  auto text = std::move(kept.out.text);
  if (kept.err.text.empty()) return text;
  if (!text.ends_with('\n')) text += '\n';
  text += kStderrBegins;
  return text + kept.err.text;
}

// The log of a run that is over: what is kept of its streams.
Result<json> kept_log(const RunSummary& run, Wanted wanted, const Call& call) {
  const auto whole = read_whole(run, call);
  RETURN_IF_ERROR(whole);
  auto kept = kept_streams(*whole->run, whole->frame.get());
  const bool restarted = is_elsewhere(wanted, kKept);
  if (restarted) wanted.offset = 0;
  const bool truncated =
      (wanted.stream != "stderr" && kept.out.truncated) || (wanted.stream != "stdout" && kept.err.truncated);
  const auto text = text_of(kept, wanted.stream);
  const auto size = static_cast<std::int64_t>(text.size());
  const auto begin =
      wanted.offset < 0 ? std::max<std::int64_t>(0, size + wanted.offset) : std::min(size, wanted.offset);
  auto part = text_part(text, static_cast<std::size_t>(begin), wanted.limit);
  return json{
      {"run_id", run.key.uid},
      {"status", status_word(whole->run->status.phase)},
      {"stream", wanted.stream},
      {"text", std::move(part.text)},
      {"offset", part.begin},
      {"next_cursor", part.end < text.size() ? json(cursor_at(run.key.uid, wanted, kKept, part.end)) : json(nullptr)},
      {"total_bytes", size},
      {"stdout_bytes", count_or_null(kept.out.total)},
      {"stderr_bytes", count_or_null(kept.err.total)},
      {"truncated", truncated},
      {"restarted", restarted}};
}

// How many bytes of `bytes` are whole characters: the last one may not have been printed to its end.
std::size_t whole_characters(std::string_view bytes) {
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if (continues_utf8(bytes[bytes.size() - back])) continue;
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.size() - back : bytes.size();
  }
  return bytes.size();
}

// The log of a run that is not over: what its pod has printed so far.
Result<json> live_log(const api::ModelRun& run, Wanted wanted, const Call& call) {
  const auto source = fmt::format("{}{}", kLive, run.status.pod_name);
  const bool running = run.status.phase == api::Phase::kRunning && !run.status.pod_name.empty();
  bool restarted = is_elsewhere(wanted, source);
  LogPart log;
  const auto read = [&]() -> Result<void> {
    // A few bytes more than are shown, so that the end of a part is known to be that of a character.
    auto part = call.runs.read_log(call.caller, run, wanted.offset, wanted.limit + kMinPart, call.stop);
    // The kubelet does not know yet that the container runs: nothing has been printed.
    if (!part && part.error().kind == ErrorKind::kInvalid) return {};
    RETURN_IF_ERROR(part);
    log = std::move(*part);
    return {};
  };
  if (restarted) wanted.offset = 0;
  if (running) {
    RETURN_IF_ERROR(read());
    const bool lost =
        log.total && log.offset > *log.total && !wanted.source.empty();  // a new file was begun for the log
    if (lost) {
      restarted = true;
      wanted.offset = 0;
      RETURN_IF_ERROR(read());
    }
  } else {
    log.total = 0;
  }
  const std::string_view bytes(log.bytes);
  auto part = text_part(bytes.substr(0, whole_characters(bytes)), 0, wanted.limit);
  const auto begin = std::min(log.offset, log.total.value_or(log.offset));
  return json{{"run_id", run.meta.uid},
              {"status", status_word(run.status.phase)},
              {"stream", "both"},
              {"text", std::move(part.text)},
              {"offset", begin},
              {"next_cursor", cursor_at(run.meta.uid, wanted, source, begin + part.end)},
              {"total_bytes", count_or_null(log.total)},
              {"stdout_bytes", nullptr},
              {"stderr_bytes", nullptr},
              {"truncated", false},
              {"restarted", restarted}};
}

Result<json> get_run_log(const json& arguments, const Call& call) {
  const auto found = call.runs.find_summary(call.caller, text_at(arguments, "run_id"), call.stop);
  RETURN_IF_ERROR(found);
  auto wanted = wanted_of(arguments, found->key.uid);
  RETURN_IF_ERROR(wanted);
  const auto run = call.runs.read_run(call.caller, found->key, call.stop);
  RETURN_IF_ERROR(run);
  if (api::is_final((*run)->status.phase)) return kept_log(*found, std::move(*wanted), call);
  return live_log(**run, std::move(*wanted), call);
}

}  // namespace

Tool make_get_run_log_tool() {
  return Tool{.name = "get_run_log",
              .title = "Get a run's log",
              .description =
                  "What a run prints, also while it goes on, in parts of at most 64 KiB: from the beginning, from an "
                  "offset, or the end with a negative offset. next_cursor leads on, and to what is printed later.",
              .read_only = true,
              .idempotent = true,
              .reads_node = true,
              .input_schema = get_run_log_input(),
              .output_schema = get_run_log_result(),
              .call = answer_directly<get_run_log>};
}

}  // namespace modelrun::gateway
