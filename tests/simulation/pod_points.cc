// The agent and the points of a run in one simulated pod.
#include <utility>

#include "simulation/pod_life.h"

namespace modelrun::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

Json point_outputs(const Json& parameters, std::int64_t point) {
  auto outputs = parameters;
  outputs["answer"] = point;
  return outputs;
}

std::string PodLife::row_of(std::int64_t point, Nanos took) const {
  const bool fails = point_fails(sim_.seed, truth_->run_key, point);
  api::PointRow row;
  row.point = point;
  row.exit_code = fails ? 3 : 0;
  row.milliseconds = std::chrono::duration_cast<milliseconds>(took).count();
  row.outputs = point_outputs(Json::parse(parameters_.at(static_cast<std::size_t>(point))), point);
  if (fails) {
    row.phase = api::PointPhase::kFailed;
    row.reason = "NonZeroExit";
  }
  return api::encode_row(row);
}

bool point_fails(std::uint64_t seed, const std::string& run_key, std::int64_t point) {
  Random random(seed ^ hash_text(run_key) ^ static_cast<std::uint64_t>(point), "point");
  return random.percent(10);
}

// The points that are left; nullopt if the pod is disturbed or must stop.
std::optional<std::vector<std::int64_t>> PodLife::fetch_points() {
  const auto text = std::make_shared<std::string>();
  const auto question = [this, text](controller::RunGate& gate, const std::function<void(Result<void>)>& done) {
    gate.points(attempt(), identity(), [text, done](const Result<std::string>& list) {
      if (list) *text = *list;
      done(list ? Result<void>() : std::unexpected(list.error()));
    });
  };
  while (!disturbed()) {
    const auto reply = ask(question, seconds(30), [this] { return disturbed(); });
    if (disturbed() || reply == Reply::kOver) break;
    if (reply == Reply::kYes) {
      auto list = api::decode_points(*text);
      if (!list) break;
      std::vector<std::int64_t> left;
      auto done = list->done.begin();
      for (std::int64_t point = 0; std::cmp_less(point, list->points.size()); ++point) {
        while (done != list->done.end() && done->second < point) ++done;
        if (done == list->done.end() || point < done->first) left.push_back(point);
      }
      parameters_ = std::move(list->points);
      failed_ = list->failed;
      max_failed_ = list->max_failed;
      return left;
    }
    if (!pause(milliseconds(300), milliseconds(2000))) break;
  }
  return std::nullopt;
}

// Reports the rows that the operator is not known to hold, once.
PodLife::Reply PodLife::report_rows(bool last) {
  const auto receipt = std::make_shared<api::RowReceipt>(receipt_);
  const api::RowReport report{receipt_.held, last, {rows_.begin() + receipt_.held, rows_.end()}};
  const auto reply = ask(
      [&](controller::RunGate& gate, const std::function<void(Result<void>)>& done) {
        gate.rows(attempt(), identity(), report, [receipt, done](const Result<api::RowReceipt>& answer) {
          if (answer) *receipt = *answer;
          done(answer ? Result<void>() : std::unexpected(answer.error()));
        });
      },
      seconds(20), [this] { return cut_off(); });
  if (reply == Reply::kYes) receipt_ = *receipt;
  return reply;
}

void PodLife::execute(std::int64_t point, Nanos limit) {
  at_point_ = point;
  const auto began = sim_.fibers.now();
  const bool slow = parameters_.at(static_cast<std::size_t>(point)).contains(kSlowPoints);
  const auto ends =
      std::min(limit, began + milliseconds(slow ? sim_.cluster.between(3000, 9000) : sim_.cluster.between(5, 900)));
  while (!disturbed() && sim_.fibers.now() < ends && !cancel_ordered_ && !over_ordered_) {
    watch_orders();
    if (cancel_ordered_ || over_ordered_) return;
    sim_.fibers.wait(ends, [this] { return disturbed() || (order_ && order_->has_value()); }, sim_.stop());
  }
  if (disturbed() || cancel_ordered_ || over_ordered_ || sim_.fibers.now() >= limit) return;
  rows_.push_back(row_of(point, sim_.fibers.now() - began));
  if (point_fails(sim_.seed, truth_->run_key, point)) ++failed_;
  at_point_.reset();
}

// Until all rows are stored, or the time for that is over.
void PodLife::report_the_rest() {
  const auto deadline = sim_.fibers.now() + seconds(60);
  while (!cut_off() && !truth_->deleted && sim_.fibers.now() < deadline &&
         std::cmp_less(receipt_.stored, rows_.size())) {
    if (report_rows(/*last=*/true) == Reply::kOver) return;
    if (std::cmp_less(receipt_.stored, rows_.size()) &&
        !sim_.pause(sim_.cluster, milliseconds(300), milliseconds(2000))) {
      return;
    }
  }
}

void PodLife::run_points() {
  const auto limit = sim_.fibers.now() + seconds(timeout_seconds_);
  const auto left = fetch_points();
  if (!left) return;
  parts_.on_points(*truth_, *left);
  for (const auto point : *left) {
    execute(point, limit);
    if (at_point_) break;  // it did not come to its end
    if (max_failed_ && failed_ > *max_failed_) break;
    if (sim_.perturbations.strikes(Perturbation::kPushLost, 20)) continue;
    if (report_rows(/*last=*/false) == Reply::kOver) break;
  }
  truth_->model_over = true;
  report_the_rest();
  end_model(limit);
}

}  // namespace modelrun::simulation
