#include "cli/await_sweep.h"

#include <utility>

#include "api/json_access.h"
#include "api/model_sweep.h"
#include "cli/await.h"
#include "cli/object_watch.h"
#include "cli/plots.h"
#include "cli/sweep_view.h"
#include "kube/payload.h"

namespace modelrun::cli {
namespace {

class SweepWaiting {
 public:
  explicit SweepWaiting(Session& session) : console_(session.console), clock_(session.clock) {}

  bool on_change(const kube::Json& object) {
    trouble_told_ = false;
    const auto sweep = api::decode_model_sweep(object);
    const bool over = api::is_final(sweep.status.phase);
    if (over || sweep.status.phase == api::Phase::kNone) return !over;
    const auto line = progress_.line(sweep, clock_.now());
    const bool news = progress_.is_news(sweep);
    if (console_.err_is_tty()) {
      console_.progress(line);
    } else if (news) {
      console_.note(line);
    }
    return true;
  }

  void on_trouble(const Error& error) {
    if (!trouble_told_) console_.note(fmt::format("{}; trying again", error.message));
    trouble_told_ = true;
  }

 private:
  Console& console_;
  const Clock& clock_;
  SweepProgress progress_;
  bool trouble_told_ = false;
};

}  // namespace

Result<kube::Json> await_sweep(Session& session, const std::string& name, std::optional<std::chrono::seconds> limit) {
  std::optional<Deadline> deadline;
  if (limit) deadline.emplace(session.stop, *limit);
  SweepWaiting waiting(session);
  kube::Json last;
  const auto watched = watch_object(
      session.client, {kube::kModelSweeps, session.namespace_, name},
      [&](const kube::Json& object) {
        last = object;
        return waiting.on_change(object);
      },
      [&](const Error& error) { waiting.on_trouble(error); }, deadline ? deadline->token() : session.stop);
  session.console.progress("");
  if (watched) return last;
  if (watched.error().kind != ErrorKind::kCancelled) return std::unexpected(watched.error());
  return std::unexpected(stopped_waiting(session, "sweep", name, "modelsweep/" + name, limit));
}

Result<sweep::Table> read_table(Session& session, const api::ModelSweep& sweep) {
  const auto& name = sweep.meta.name;
  if (!sweep.status.table_ref) {
    if (api::is_final(sweep.status.phase)) {
      return fail(ErrorKind::kNotFound, "sweep {} left no table: {}", name, progress_line(sweep));
    }
    return fail(ErrorKind::kConflict, "{}. It has no table yet: `{}` waits for it", progress_line(sweep),
                session.hint("wait modelsweep/" + name));
  }
  auto table = kube::load_table(session.client, sweep, session.stop);
  if (!table) return fail_in(fmt::format("the table of sweep {}", name), table.error());
  return table;
}

Result<int> tell_sweep(Session& session, const kube::Json& object, SweepFormat format) {
  const auto sweep = api::decode_model_sweep(object);
  Console& console = session.console;
  if (format == SweepFormat::kJson) {
    console.out(api::json_text(object, 2) + '\n');
  } else if (format == SweepFormat::kName) {
    console.out(full_name({&kube::kModelSweeps, sweep.meta.name}) + '\n');
  } else {
    sweep::Table table;
    if (sweep.status.table_ref) {
      auto loaded = read_table(session, sweep);
      RETURN_IF_ERROR(loaded);
      table = std::move(*loaded);
    }
    console.out(format == SweepFormat::kCsv         ? sweep::to_csv(table)
                : format == SweepFormat::kJsonLines ? sweep::to_json_lines(table)
                                                    : sweep_summary(sweep, table, session.clock.now()));
    if (format == SweepFormat::kPlots && !table.rows.empty()) console.out("\n" + plots(sweep, table));
  }
  const int code = exit_code_of(sweep);
  const bool has_reason = format == SweepFormat::kText || format == SweepFormat::kPlots;
  if (!has_reason && code != 0) console.note(progress_line(sweep));
  return code;
}

Result<int> finish_sweep(Session& session, const std::string& name, std::optional<std::chrono::seconds> limit,
                         SweepFormat format) {
  const auto object = await_sweep(session, name, limit);
  RETURN_IF_ERROR(object);
  return tell_sweep(session, *object, format);
}

}  // namespace modelrun::cli
