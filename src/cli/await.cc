#include "cli/await.h"

#include "api/frame_json.h"
#include "api/json_access.h"
#include "api/model_run.h"
#include "cli/kept_logs.h"
#include "cli/log_follower.h"
#include "cli/object_watch.h"
#include "cli/point_lines.h"
#include "cli/run_view.h"
#include "kube/payload.h"
#include "kube/point_rows.h"

namespace modelrun::cli {
namespace {

constexpr std::chrono::seconds kLogGrace{5};
constexpr std::size_t kLastWords = 10;

class Awaiting {
 public:
  Awaiting(Session& session, const std::string& name, const AwaitOptions& options)
      : session_(session), name_(name), options_(options), follower_(session, options.log_to_err, options.view) {}

  Result<kube::Json> run(const std::stop_token& stop) {
    const auto watched = watch_object(
        session_.client, {kube::kModelRuns, session_.namespace_, name_},
        [this](const kube::Json& object) { return on_change(object); },
        [this](const Error& error) { on_trouble(error); }, stop);
    RETURN_IF_ERROR(watched);
    if (options_.follow) finish_log();
    return std::move(object_);
  }

 private:
  bool on_change(const kube::Json& object) {
    object_ = object;
    run_ = api::decode_model_run(object);
    trouble_told_ = false;
    const bool over = api::is_final(run_.status.phase);
    const std::string line = progress_line(run_);
    if (options_.tell && !over && line != told_ && run_.status.phase != api::Phase::kNone) session_.console.note(line);
    told_ = line;
    if (options_.follow && run_.status.phase == api::Phase::kRunning && !run_.status.pod_name.empty()) {
      follower_.follow(run_.status.pod_name);
    }
    return !over;
  }

  void on_trouble(const Error& error) {
    if (!trouble_told_) session_.console.note(fmt::format("{}; trying again", error.message));
    trouble_told_ = true;
  }

  void finish_log() {
    const auto log = follower_.finish(kLogGrace);
    if (!log.error) return;
    if (log.printed) {
      session_.console.note(
          fmt::format("The log broke off; `{}` shows what was kept.", session_.hint("logs " + name_)));
      return;
    }
    // Either the run ended before its log could be followed, or the user may not read pod logs. The result holds
    // them, without times.
    if (options_.view.since || options_.view.timestamps) {
      session_.console.note("(what is kept of a log has no times: --since and --timestamps do not apply)");
    }
    if (const auto kept =
            print_kept(session_, run_, Streams::kBoth, {.all_to_err = options_.log_to_err, .tail = options_.view.tail});
        !kept) {
      session_.console.note(kept.error().message);
    }
  }

  Session& session_;
  const std::string& name_;
  const AwaitOptions& options_;
  kube::Json object_;
  api::ModelRun run_;
  std::string told_;
  bool trouble_told_ = false;
  LogFollower follower_;
};

void tell_failure(Session& session, const api::ModelRun& run, bool logs_shown) {
  if (exit_code_of(run) == 0 || logs_shown) return;
  if (const auto words = last_words(run, kLastWords); !words.empty()) {
    session.console.err("The end of its stderr:\n" + words);
  }
}

}  // namespace

Result<kube::Json> await_end(Session& session, const std::string& name, const AwaitOptions& options) {
  std::optional<Deadline> deadline;
  if (options.limit) deadline.emplace(session.stop, *options.limit);
  auto object = Awaiting(session, name, options).run(deadline ? deadline->token() : session.stop);
  if (object || object.error().kind != ErrorKind::kCancelled) return object;
  return std::unexpected(stopped_waiting(session, "run", name, name, options.limit));
}

Error stopped_waiting(const Session& session, std::string_view kind, const std::string& name,
                      const std::string& argument, std::optional<std::chrono::seconds> limit) {
  const auto again = session.hint("wait " + argument);
  if (!session.stop.stop_requested()) {
    return {ErrorKind::kTimeout, fmt::format("{} {} has not ended within {} s and goes on. `{}` waits for it again.",
                                             kind, name, limit->count(), again)};
  }
  return {ErrorKind::kCancelled, fmt::format("Stopped waiting; {} {} goes on.\n  {}\n  {}", kind, name, again,
                                             session.hint("cancel " + argument))};
}

Result<int> tell_end(Session& session, const kube::Json& object, Format format, bool logs_shown) {
  const auto run = api::decode_model_run(object);
  Console& console = session.console;
  switch (format) {
    case Format::kText:
      console.out(summary(run, session.clock.now()));
      break;
    case Format::kName:
      console.out(fmt::format("modelrun.modelrun.dev/{}\n", run.meta.name));
      break;
    case Format::kJson:
      console.out(api::json_text(object, 2) + '\n');
      break;
    case Format::kOutputs: {
      if (run.status.points) {
        const auto rows = kube::load_rows(session.client, run, session.stop);
        RETURN_IF_ERROR(rows);
        console.out(point_lines(run, *rows));
        break;
      }
      const auto outputs = kube::load_outputs(session.client, run, session.stop);
      RETURN_IF_ERROR(outputs);
      console.out(api::json_text(*outputs ? (*outputs)->parse() : nlohmann::json(), 2) + '\n');
      break;
    }
  }
  if (format != Format::kText && exit_code_of(run) != 0) console.note(progress_line(run));
  tell_failure(session, run, logs_shown);
  return exit_code_of(run);
}

Result<int> finish_run(Session& session, const std::string& name, const AwaitOptions& options, Format format) {
  const auto object = await_end(session, name, options);
  RETURN_IF_ERROR(object);
  return tell_end(session, *object, format, options.follow);
}

}  // namespace modelrun::cli
