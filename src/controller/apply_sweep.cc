#include "controller/apply_sweep.h"

#include <utility>

#include "api/reason.h"
#include "base/large_document.h"
#include "base/log.h"
#include "controller/children.h"
#include "controller/live.h"
#include "controller/observe_sweep.h"
#include "controller/resources/sweep_objects.h"
#include "controller/run/limits.h"
#include "controller/sweep/decide.h"
#include "controller/sweep/result.h"
#include "controller/sweep/status.h"
#include "kube/point_rows.h"
#include "kube/refusal.h"

namespace modelrun::controller {
namespace {

using SweepPtr = std::shared_ptr<const api::ModelSweep>;

// The table takes many reads: one that fails for the moment is tried again at once, so that the pass need not begin
// anew.
template <class Read>
auto tried_again(const Read& read) {
  constexpr int kMore = 3;
  auto result = read();
  for (int i = 0; i < kMore && !result && is_transient(result.error().kind); ++i) result = read();
  return result;
}

void report_sweep(const Context& context, const api::ModelSweep& sweep, const EventNote& note) {
  const auto kind = note.type == EventType::kNormal ? runtime::EventKind::kNormal : runtime::EventKind::kWarning;
  context.events.event(kube::kModelSweeps, sweep.meta, kind, note.reason, "Reconcile", note.note);
  log::info(note.note, {{"sweep", sweep.meta.key()},
                        {"uid", sweep.meta.uid},
                        {"reason", note.reason},
                        {"phase", std::string(to_string(sweep.status.phase))}});
}

void count_end(const Context& context, const api::ModelSweepStatus& status) {
  const auto word = status.error ? std::string_view(status.error->reason) : api::reason::kSucceeded;
  const auto reason = std::string(api::reason::end_label(word));
  context.metrics
      .counter("modelrun_sweeps_finished_total", "Sweeps that ended, by phase and reason.",
               {{"phase", std::string(to_string(status.phase))}, {"reason", reason}})
      .Increment();
}

class SweepApplier {
 public:
  SweepApplier(const Context& context, const SweepObserved& observed, std::stop_token stop)
      : context_(context), observed_(observed), stop_(std::move(stop)), sweep_(observed.sweep) {}

  [[nodiscard]] const api::ModelSweep& sweep() const { return *sweep_; }

  Result<void> write(const api::ModelSweepStatus& status) {
    if (status == sweep_->status) return {};
    auto answer = replace_status(status);
    if (!answer && api::is_final(status.phase) &&
        (answer.error().kind == ErrorKind::kInvalid || answer.error().kind == ErrorKind::kTooLarge)) {
      answer = replace_status(least_of_sweep(status, answer.error().message));
    }
    RETURN_IF_ERROR(answer);
    auto written = answer->read(&api::decode_model_sweep);
    RETURN_IF_ERROR(written);
    sweep_ = std::make_shared<const api::ModelSweep>(*written);
    context_.caches.sweeps.put(make_sweep_record(std::move(*written)));
    context_.sweeps.note_write(meta().uid);
    return {};
  }

  Result<void> carry_out(const SweepAction& action) {
    return std::visit([this](const auto& step) { return act(step); }, action);
  }

  // Makes the table and writes the final status.
  Result<void> end(SweepEnd end, LargeWork::Turn& turn) {
    if (!end.table) return write_end(end, nullptr, nullptr);
    const auto seen = survey(observed_);
    RETURN_IF_ERROR(confirm_absent(seen));
    if (!turn.take()) return {};  // the sweep is woken when it has its turn
    auto result = make_table(end, seen);
    if (!result && result.error().kind == ErrorKind::kTooLarge) {
      end = {api::Phase::kFailed, std::string(api::reason::kOutputsTooLarge), result.error().message};
      return write_end(end, &seen, nullptr);
    }
    RETURN_IF_ERROR(result);
    if (const auto stored = store(*result); !stored) {
      // What is in the way now may be another thing than what was: a table that could be stored in a moment is not
      // lost.
      const bool for_good = observed_.trouble && observed_.trouble->for_good() && kube::is_refusal(stored.error().kind);
      if (!for_good) return stored;
      result->ref.reset();
      result->warning = "the table was not stored: " + stored.error().message;
    }
    return write_end(end, &seen, &*result);
  }

 private:
  [[nodiscard]] const api::ObjectMeta& meta() const { return sweep_->meta; }

  Result<kube::Answer> replace_status(const api::ModelSweepStatus& status) {
    return context_.client.replace_status_answer(
        kube::kModelSweeps, kube::status_text(kube::kModelSweeps, sweep_->meta, api::encode_status(status)), stop_);
  }

  // Returns false, and puts nothing into the cache, if the run is not this sweep's.
  Result<bool> put_run(const kube::Answer& answer) {
    const auto run = answer.read(&api::decode_model_run);
    RETURN_IF_ERROR(run);
    if (!api::is_owned_by(run->meta, meta())) return false;
    context_.caches.runs.put(context_.caches.record_of(*run));
    return true;
  }

  // The sweep as the API server holds it, and its points: read once a pass. So no run is made of a sweep that is gone
  // or over.
  Result<void> read_whole() {
    if (space_) return {};
    auto live = tried_again([&] { return read_sweep(context_, *observed_.sweep, stop_); });
    RETURN_IF_ERROR(live);
    auto space = sweep::points_of((*live)->spec);
    RETURN_IF_ERROR(space);
    whole_ = std::move(*live);
    space_ = std::move(*space);
    return {};
  }

  Result<void> act(const MakeSweepRun& step) {
    RETURN_IF_ERROR(read_whole());
    if (step.first + step.count > space_->points.points.size()) {
      return fail(ErrorKind::kInternal, "run {} has points that the sweep does not have", step.name);
    }
    auto made = context_.client.create_answer(kube::kModelRuns, run_text(step), stop_);
    if (!made && made.error().kind == ErrorKind::kExists) {
      made = context_.client.get_answer(kube::kModelRuns, meta().namespace_, step.name, stop_);
    }
    if (!made) return fail_in("make a run of the sweep", made.error());
    const auto own = put_run(*made);
    if (!own) return fail_in("make a run of the sweep", own.error());
    if (!*own) return fail(ErrorKind::kInvalid, "ModelRun {} exists and is not this sweep's; delete it", step.name);
    return {};
  }

  // REQUIRES: read_whole() has succeeded. Its points as objects are gone when it returns.
  [[nodiscard]] kube::ObjectText run_text(const MakeSweepRun& step) const {
    const LargeDocument turn(sweep::points_bytes(space_->points, step.first, step.count));
    return kube::object_text(kube::kModelRuns, build_sweep_run(*whole_, space_->points, step, context_.settings));
  }

  Result<void> act(const CancelSweepRun& step) { return change(step.name, step.uid, {{"cancel", true}}); }
  Result<void> act(const SuspendSweepRun& step) { return change(step.name, step.uid, {{"suspend", step.suspend}}); }

  Result<void> change(const std::string& name, const std::string& uid, kube::Json spec) {
    const kube::Json patch = {{"metadata", {{"uid", uid}}}, {"spec", std::move(spec)}};
    const auto changed = context_.client.patch_answer(kube::kModelRuns, meta().namespace_, name,
                                                      kube::PatchType::kMerge, patch, {}, stop_);
    if (!changed && changed.error().kind == ErrorKind::kNotFound) return {};
    RETURN_IF_ERROR(changed);
    RETURN_IF_ERROR(put_run(*changed));
    return {};
  }

  // Asks the API server about the runs that may have been made without this process having seen it: another one may
  // have led until now. Runs are made in the order of their shards.
  Result<void> confirm_absent(const SweepSurvey& seen) {
    bool first = true;
    for (const auto& part : seen.parts) {
      if (part.run != nullptr) continue;
      const bool may_exist = part.further || first;
      if (!part.further) first = false;
      if (!may_exist) continue;
      const auto live = tried_again(
          [&] { return context_.client.get_answer(kube::kModelRuns, meta().namespace_, part.name, stop_); });
      if (!live && live.error().kind == ErrorKind::kNotFound) continue;
      RETURN_IF_ERROR(live);
      const auto own = put_run(*live);
      RETURN_IF_ERROR(own);
      if (*own) return fail(ErrorKind::kConflict, "run {}: the cache is behind", part.name);
    }
    return {};
  }

  Result<SweepResult> make_table(const SweepEnd& end, const SweepSurvey& seen) {
    RETURN_IF_ERROR(read_whole());
    SweepTable table(whole_->spec, *space_);
    const auto commit = sweep_commit(observed_, seen);
    for (const auto& part : seen.parts) {
      if (part.run == nullptr) {
        table.miss(part, why_missing(observed_, end, nullptr));
      } else {
        RETURN_IF_ERROR(take_run(part, end, commit, table));
      }
    }
    return table.finish(own_name(meta(), "table"));
  }

  // Whoever may create runs can have given one the sweep's owner reference and the name of its next run.
  [[nodiscard]] bool is_as_made(const api::ModelRun& run, const SweepPart& part, const std::string& commit) const {
    const auto& spec = whole_->spec;
    if (!run.spec.points || run.spec.project != spec.project || run.spec.scope != spec.scope ||
        run.spec.model_name != spec.model_name || (!run.status.commit_sha.empty() && run.status.commit_sha != commit)) {
      return false;
    }
    return run.spec.points->digest() == sweep::points_digest(space_->points, part.first, part.count);
  }

  Result<void> take_run(const SweepPart& part, const SweepEnd& end, const std::string& commit, SweepTable& table) {
    const auto run = tried_again([&] {
      return read_live(context_, kube::kModelRuns, meta().namespace_, part.name, &api::decode_model_run, stop_);
    });
    RETURN_IF_ERROR(run);
    const auto over = [](const api::ModelRun& live) {
      return api::is_final(live.status.phase) || live.meta.deleting();
    };
    const bool same = *run && (*run)->meta.uid == part.run->uid && over(**run);
    if (!same) return fail(ErrorKind::kConflict, "run {}: the cache is behind", part.name);
    const auto why = why_missing(observed_, end, &(*run)->status);
    if (!is_as_made(**run, part, commit)) {
      table.miss(part, {api::Phase::kFailed, std::string(api::reason::kInternal),
                        "its run is not as the sweep makes it: somebody else, or another version of the operator, has "
                        "made it"});
      return {};
    }
    if (!(*run)->status.points) {
      table.miss(part, why);
      return {};
    }
    const auto take = [&](const api::PointRow& row) { table.take(part, row); };
    const auto rows = tried_again([&] { return kube::visit_rows(context_.client, **run, take, stop_); });
    if (!rows && (rows.error().kind == ErrorKind::kNotFound || rows.error().kind == ErrorKind::kInvalid)) {
      table.miss(part, {api::Phase::kFailed, std::string(api::reason::kInternal),
                        "the rows of its run cannot be read: " + rows.error().message});
      return {};
    }
    RETURN_IF_ERROR(rows);
    table.miss(part, why);
    return {};
  }

  // A part that exists counts as written if it has the same content: its name has the digest of the table.
  Result<void> store(const SweepResult& result) {
    for (std::size_t i = 0; i < result.table.parts.size(); ++i) {
      const auto part = build_table_part(*sweep_, result.ref->config_maps.at(i), result.table.parts[i]);
      const auto made = create_part(context_, part, meta(), "sweep", stop_);
      if (!made) return fail_in("store the table", made.error());
    }
    return {};
  }

  Result<void> write_end(const SweepEnd& end, const SweepSurvey* seen, const SweepResult* result) {
    // From the status as it is now: the plan may have written one before, which says when the sweep was started.
    auto latest = observed_;
    latest.sweep = sweep_;
    RETURN_IF_ERROR(write(sweep_ended(latest, seen, end, result, context_.clock.now())));
    const bool success = end.phase == api::Phase::kSucceeded;
    report_sweep(context_, *sweep_,
                 {success ? EventType::kNormal : EventType::kWarning, end.reason, sweep_->status.message});
    count_end(context_, sweep_->status);
    return {};
  }

  const Context& context_;
  const SweepObserved& observed_;
  std::stop_token stop_;
  SweepPtr sweep_;  // as the API server has answered last
  SweepPtr whole_;  // with its texts
  std::optional<sweep::SpacePoints> space_;
};

}  // namespace

Result<void> apply_sweep(const Context& context, const SweepObserved& observed, const SweepPlan& plan,
                         LargeWork::Turn& turn, std::stop_token stop) {
  SweepApplier applier(context, observed, std::move(stop));
  if (plan.give_up) context.sweeps.give_up(observed.sweep->meta.uid, *plan.give_up);
  if (plan.status) {
    RETURN_IF_ERROR(applier.write(*plan.status));
  }
  for (const auto& note : plan.events) report_sweep(context, applier.sweep(), note);
  for (const auto& action : plan.actions) {
    RETURN_IF_ERROR(applier.carry_out(action));
  }
  if (plan.end) return applier.end(*plan.end, turn);
  return {};
}

}  // namespace modelrun::controller
