#include "cli/run_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/frame_json.h"
#include "api/json_access.h"
#include "api/reason.h"

namespace modelrun::cli {
namespace {

constexpr int kTimedOutCode = 124;
constexpr int kCancelledCode = 130;
constexpr std::size_t kOutputsShown = 4096;

std::string compact(std::int64_t first, const char* unit, std::int64_t second, const char* smaller) {
  return second == 0 ? fmt::format("{}{}", first, unit) : fmt::format("{}{}{}{}", first, unit, second, smaller);
}

std::string outputs_text(const api::ModelRun& run) {
  const std::string command = fmt::format("kubectl modelrun output {} -n {}", run.meta.name, run.meta.namespace_);
  if (!run.status.outputs) return run.status.result_ref ? fmt::format("in the full result: {}", command) : "";
  std::string text = api::json_text(run.status.outputs->parse(), 2);
  if (text.size() > kOutputsShown) return fmt::format("{} bytes: {}", text.size(), command);
  return text;
}

std::string points_text(const api::ModelRun& run) {
  const auto& points = run.status.points;
  if (!points) return {};
  return fmt::format("{} of {} succeeded, {} failed: kubectl modelrun output {} -n {}", points->succeeded,
                     points->total, points->failed, run.meta.name, run.meta.namespace_);
}

std::string artifacts_text(const api::ModelRun& run) {
  std::string text;
  for (const auto& artifact : run.status.artifacts) {
    text += fmt::format("{}{} ({} bytes{})", text.empty() ? "" : ", ", artifact.name, artifact.size,
                        artifact.stored ? "" : ", not kept");
  }
  return text;
}

}  // namespace

std::string reason_of(const api::ModelRun& run) {
  if (run.status.error) return run.status.error->reason;
  const auto* condition = api::find_condition(run.status.conditions, "Succeeded");
  return condition == nullptr ? "" : condition->reason;
}

int exit_code_of(const api::ModelRun& run) {
  switch (run.status.phase) {
    case api::Phase::kSucceeded:
      return 0;
    case api::Phase::kTimedOut:
      return kTimedOutCode;
    case api::Phase::kCancelled:
      return kCancelledCode;
    default:
      break;
  }
  const int code = run.status.exit_code.value_or(0);
  return reason_of(run) == api::reason::kNonZeroExit && code >= 1 && code <= 125 ? code : 1;
}

std::string duration_of(const api::ModelRun& run, Time now) {
  const auto& status = run.status;
  return duration_between(status.started_at, status.finished_at, api::is_final(status.phase), now);
}

std::string duration_between(const std::optional<Time>& started, const std::optional<Time>& finished, bool over,
                             Time now) {
  if (!started || (!finished && over)) return {};
  const Duration span = finished.value_or(now) - *started;
  if (!finished) return age(span);
  const double seconds = std::chrono::duration<double>(span).count();
  return seconds < 120 ? fmt::format("{:.2f}s", seconds) : age(span);
}

std::string age(Duration span) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span).count();
  const auto minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  if (seconds < 0) return "0s";
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (minutes < 10) return compact(minutes, "m", seconds % 60, "s");
  if (hours < 3) return fmt::format("{}m", minutes);
  if (hours < 8) return compact(hours, "h", minutes % 60, "m");
  if (hours < 48) return fmt::format("{}h", hours);
  if (days < 8) return compact(days, "d", hours % 24, "h");
  if (days < 2 * 365) return fmt::format("{}d", days);
  return compact(days / 365, "y", days % 365, "d");
}

std::string progress_line(const api::ModelRun& run) {
  return progress_line(run.meta.name, run.status.phase, reason_of(run), run.status.message);
}

std::string progress_line(const std::string& name, api::Phase phase, const std::string& reason,
                          const std::string& message) {
  const std::string word = phase == api::Phase::kNone ? "Pending" : std::string(to_string(phase));
  std::string text = fmt::format("{}: {}", name, word);
  if (!reason.empty() && reason != word) text += fmt::format(" ({})", reason);
  if (!message.empty()) text += ": " + message;
  return text;
}

void add_fact(std::string& text, std::string_view label, const std::string& value) {
  if (!value.empty()) text += fmt::format("{:<11}{}\n", std::string(label) + ":", value);
}

std::string summary(const api::ModelRun& run, Time now) {
  const auto& status = run.status;
  std::string text;
  add_fact(text, "Run",
           status.run_number > 0 ? fmt::format("{} (#{} of {})", run.meta.name, status.run_number, run.spec.project)
                                 : run.meta.name);
  add_fact(text, "Phase", std::string(to_string(status.phase)));
  const std::string reason = reason_of(run);
  if (reason != to_string(status.phase)) {
    add_fact(text, "Reason", status.message.empty() ? reason : fmt::format("{}: {}", reason, status.message));
  }
  if (status.reused_from) add_fact(text, "Result of", status.reused_from->name);
  if (status.exit_code) add_fact(text, "Exit code", std::to_string(*status.exit_code));
  add_fact(text, "Duration", duration_of(run, now));
  add_fact(text, "Commit",
           status.branch.empty() ? status.commit_sha : fmt::format("{} ({})", status.commit_sha, status.branch));
  add_fact(text, "Warning", status.warning);
  add_fact(text, "Artifacts", artifacts_text(run));
  add_fact(text, "Points", points_text(run));
  add_fact(text, "Outputs", outputs_text(run));
  return text;
}

std::string_view last_lines(std::string_view text, std::size_t lines) {
  std::size_t begin = text.size();
  for (; lines > 0 && begin > 0; --lines) {
    // The newline before `begin` ends the line that is taken; the one before that line is looked for.
    const auto newline = begin < 2 ? std::string_view::npos : text.rfind('\n', begin - 2);
    begin = newline == std::string_view::npos ? 0 : newline + 1;
  }
  return text.substr(begin);
}

std::string last_words(const api::ModelRun& run, std::size_t lines) {
  std::string_view text = run.status.err;
  while (text.ends_with('\n')) text.remove_suffix(1);
  text = last_lines(text, lines);
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += fmt::format("  {}\n", text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace modelrun::cli
