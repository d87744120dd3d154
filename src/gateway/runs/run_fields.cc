#include "gateway/runs/run_fields.h"

#include <fmt/format.h>

#include "api/json_access.h"
#include "base/encoding.h"
#include "gateway/runs/names.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::size_t kLastWords = 2000;  // bytes of stderr in error_message

std::string joined(const api::CapturedStream& stream) {
  if (!stream.truncated()) return stream.head;
  const auto kept = stream.head.size() + stream.tail.size();
  return fmt::format("{}\n[... {} bytes were not kept ...]\n{}", stream.head,
                     stream.total_bytes > kept ? stream.total_bytes - kept : 0, stream.tail);
}

json outputs_or_empty(const std::optional<api::JsonText>& outputs) {
  return outputs ? outputs->parse() : json::object();
}

// What the run left, from its full result or else from its status.
struct Left {
  std::string out, err;
  bool out_truncated = false, err_truncated = false;
  json outputs = json::object();
};

Left left_by(const api::ModelRun& run, const api::ResultFrame* frame) {
  auto kept = kept_streams(run, frame);
  return {std::move(kept.out.text), std::move(kept.err.text), kept.out.truncated, kept.err.truncated,
          outputs_or_empty(frame != nullptr ? frame->outputs : run.status.outputs)};
}

KeptStream kept_stream(const api::CapturedStream& stream) {
  return {joined(stream), stream.truncated(), stream.total_bytes};
}

KeptStream kept_stream(const std::string& text, bool truncated) {
  return {text, truncated, truncated ? std::nullopt : std::optional<std::uint64_t>(text.size())};
}

// Null for a run that has succeeded or is not over yet.
json error_of(const api::ModelRun& run) {
  const auto& status = run.status;
  if (status.error) return fmt::format("{}: {}", status.error->reason, status.error->message);
  if (!api::is_final(status.phase) || status.phase == api::Phase::kSucceeded) return nullptr;
  return status.message.empty() ? std::string(status_word(status.phase)) : status.message;
}

// The end of what the model wrote to standard error, beginning with a whole line if possible.
std::string last_words(const std::string& err) {
  if (err.size() <= kLastWords) return err;
  const auto newline = err.find('\n', err.size() - kLastWords);
  return newline == std::string::npos ? make_valid_utf8(err.substr(err.size() - kLastWords)) : err.substr(newline + 1);
}

// Why a run that is pending does not run yet; else null.
json waiting_for(const api::ModelRun& run) {
  const auto& status = run.status;
  if (status.phase != api::Phase::kPending && status.phase != api::Phase::kNone) return nullptr;
  return status.message.empty() ? json("to be looked at by the operator") : json(status.message);
}

json exit_code_of(const api::ModelRun& run) {
  return run.status.exit_code ? json(*run.status.exit_code) : json(nullptr);
}

// Cuts about `excess` bytes, as counted in JSON, out of the middle of `text`.
void shorten(json& text, std::size_t excess) {
  const auto& whole = text.get_ref<const std::string&>();
  constexpr std::string_view kGap = "\n[... cut ...]\n";
  // Escapes make the JSON of a text longer than the text itself, so `excess` is scaled.
  const double share = static_cast<double>(whole.size()) / static_cast<double>(json_size(text));
  const auto bytes = static_cast<std::size_t>(static_cast<double>(excess) * share) + kGap.size() + 16;
  const std::size_t room = whole.size() > bytes ? whole.size() - bytes : 0;
  text = cut_middle(whole, room, kGap);
}

// Cuts fields[name] until `fields` as a whole has at most `limit` bytes of JSON, if that is possible. True if it was
// cut.
bool cut_stream(json& fields, const char* name, std::size_t limit) {
  bool cut = false;
  // One round is not enough if the escapes are not spread evenly over the text.
  for (int round = 0; round < 8 && json_size(fields) > limit; ++round) {
    if (fields[name].get_ref<const std::string&>().size() < 100) break;
    shorten(fields[name], json_size(fields) - limit);
    cut = true;
  }
  return cut;
}

// Cuts stdout, then stderr, and at last drops the outputs, until kMaxPayload is kept. True if anything was cut.
bool cut_to_limit(json& output) {
  if (json_size(output) <= kMaxPayload) return false;
  bool cut = cut_stream(output, "stdout", kMaxPayload);
  cut = cut_stream(output, "stderr", kMaxPayload) || cut;
  if (json_size(output) <= kMaxPayload) return cut;
  output["outputs"] = json::object();
  return true;
}

}  // namespace

std::string iso_time(Time time) {
  // format_rfc3339 ends in ".ffffffZ".
  std::string text = format_rfc3339(time);
  text.pop_back();
  if (text.ends_with(".000000")) text.resize(text.size() - 7);
  return text + "+00:00";
}

std::string cut_middle(const std::string& whole, std::size_t room, std::string_view gap) {
  return make_valid_utf8(fmt::format("{}{}{}", whole.substr(0, room / 2), gap, whole.substr(whole.size() - room / 2)));
}

std::size_t json_size(const json& value) {
  return api::json_text(value).size();
}

json or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

json json_or_null(const std::string& text) {
  auto value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? json(nullptr) : value;
}

json number_or_null(std::int64_t number) {
  return number > 0 ? json(number) : json(nullptr);
}

json time_or_null(const std::optional<Time>& time) {
  return time ? json(iso_time(*time)) : json(nullptr);
}

bool needs_payload(const api::ModelRun& run) {
  const auto& status = run.status;
  return status.result_ref && (status.out_truncated || status.err_truncated || !status.outputs);
}

KeptStreams kept_streams(const api::ModelRun& run, const api::ResultFrame* frame) {
  const auto& status = run.status;
  if (frame != nullptr) return {kept_stream(frame->out), kept_stream(frame->err)};
  return {kept_stream(status.out, status.out_truncated), kept_stream(status.err, status.err_truncated)};
}

json sync_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project) {
  const auto& status = run.status;
  auto left = left_by(run, frame);
  json duration = nullptr;
  if (status.started_at && status.finished_at) {
    duration = std::chrono::duration<double>(*status.finished_at - *status.started_at).count();
  }
  json fields{{"run_id", run.meta.uid},
              {"project", project},
              // With a commit the branch is not looked at, and status.warning says so.
              {"branch", or_null(run.spec.commit_sha.empty() ? run.spec.branch : std::string())},
              {"commit_sha", or_null(status.commit_sha)},
              {"status", status_word(status.phase)},
              {"exit_code", exit_code_of(run)},
              {"stdout", std::move(left.out)},
              {"stderr", std::move(left.err)},
              {"stdout_truncated", left.out_truncated},
              {"stderr_truncated", left.err_truncated},
              {"outputs", std::move(left.outputs)},
              {"duration_seconds", std::move(duration)},
              {"data_snapshot_ref", or_null(status.data_snapshot_ref)},
              {"error", error_of(run)}};
  for (const char* name : {"stdout", "stderr"}) {
    if (cut_stream(fields, name, kMaxEvent)) fields[std::string(name) + "_truncated"] = true;
  }
  return fields;
}

json run_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project) {
  const auto& status = run.status;
  auto left = left_by(run, frame);
  json error = error_of(run);
  const auto words = error.is_null() ? std::string() : last_words(left.err);
  if (!words.empty()) error = fmt::format("{}\nstderr: {}", error.get_ref<const std::string&>(), words);
  json output = nullptr;
  bool truncated = false;
  if (status.phase == api::Phase::kSucceeded) {
    output = {{"status", status_word(status.phase)},
              {"exit_code", exit_code_of(run)},
              {"stdout", std::move(left.out)},
              {"stderr", std::move(left.err)},
              {"outputs", std::move(left.outputs)}};
    truncated = cut_to_limit(output) || left.out_truncated || left.err_truncated;
  }
  return {{"run_id", run.meta.uid},
          {"run_number", number_or_null(status.run_number)},
          {"project_name", project},
          {"status", status_word(status.phase)},
          {"commit_sha", or_null(status.commit_sha)},
          {"started_at", time_or_null(status.started_at)},
          {"finished_at", time_or_null(status.finished_at)},
          {"error_message", std::move(error)},
          {"output", std::move(output)},
          {"truncated", truncated},
          {"model_name", or_null(run.spec.scope == api::Scope::kModel ? run.spec.model_name : std::string())},
          {"parameters", run.spec.parameters ? run.spec.parameters->parse() : json(nullptr)},
          {"waiting_for", waiting_for(run)},
          {"warning", or_null(status.warning)}};
}

json async_fields(const RunSummary& run, std::string_view project) {
  const std::string message =
      api::is_final(run.phase)
          ? fmt::format("The run is over already: {}. get_run has its result.", status_word(run.phase))
          : "The run is queued. Call get_run with run_id until status is success, failed, timed_out or cancelled.";
  std::string warning = run.warning;
  if (run.phase == api::Phase::kFailed && warning.empty()) warning = run.message;
  return {{"run_id", run.key.uid},
          {"run_number", number_or_null(run.number)},
          {"status", status_word(run.phase)},
          {"project_name", project},
          {"model_name", or_null(run.model)},
          {"commit_sha", or_null(run.commit)},
          {"message", message},
          {"warning", or_null(warning)}};
}

json list_entry(const RunSummary& run) {
  return {{"run_id", run.key.uid},
          {"run_number", number_or_null(run.number)},
          {"status", status_word(run.phase)},
          {"commit_sha", or_null(run.commit)},
          {"started_at", time_or_null(run.started)},
          {"finished_at", time_or_null(run.finished)},
          {"created_at", iso_time(run.created)}};
}

json cancel_fields(const RunSummary& run, bool was_over, std::string_view project) {
  const auto message = [&] {
    if (was_over) return fmt::format("The run was over already: {}.", status_word(run.phase));
    if (api::is_final(run.phase)) return std::string("The run is over. get_run has what it printed and wrote.");
    return std::string("The run is being cancelled. get_run says when it is over; what it printed and wrote is kept.");
  };
  return {
      {"run_id", run.key.uid}, {"status", status_word(run.phase)}, {"project_name", project}, {"message", message()}};
}

}  // namespace modelrun::gateway
