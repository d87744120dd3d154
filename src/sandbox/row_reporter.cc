#include "sandbox/row_reporter.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/printable.h"
#include "sandbox/note.h"
#include "sandbox/run_server_client.h"

namespace modelrun::sandbox {
namespace {

// Points that take a millisecond do not make a request each.
constexpr std::chrono::milliseconds kBetweenReports{100};
constexpr std::chrono::milliseconds kFirstWait{50};
constexpr std::chrono::milliseconds kLongestWait{5000};
constexpr auto kNever = std::chrono::hours(24 * 365);
constexpr std::size_t kHeadBytes = 256;  // more than the first line of a report has

}  // namespace

// ---- UnstoredRows ------------------------------------------------------------------------------------------------
void UnstoredRows::add(std::string row) {
  bytes_ += row.size();
  rows_.push_back(std::move(row));
}

bool UnstoredRows::has_room() const {
  return rows_.size() < api::kMaxUnstoredRows && bytes_ < api::kMaxUnstoredBytes;
}

api::RowReport UnstoredRows::report(bool last) const {
  api::RowReport report;
  report.from = sent_;
  std::size_t bytes = kHeadBytes;
  for (auto at = static_cast<std::size_t>(sent_ - first_); at < rows_.size(); ++at) {
    bytes += rows_[at].size() + 1;
    if (bytes > api::kMaxReportBytes || report.rows.size() == api::kMaxUnstoredRows) return report;
    report.rows.push_back(rows_[at]);
  }
  report.last = last;
  return report;
}

bool UnstoredRows::take(const api::RowReceipt& receipt) {
  const auto sent = sent_, first = first_;
  while (first_ < receipt.stored && !rows_.empty()) {
    bytes_ -= rows_.front().size();
    rows_.pop_front();
    ++first_;
  }
  sent_ = std::clamp(receipt.held, first_, end());
  return sent_ > sent || first_ > first;
}

std::vector<std::string> UnstoredRows::release() {
  return {std::make_move_iterator(rows_.begin()), std::make_move_iterator(rows_.end())};
}

// ---- RowReporter -------------------------------------------------------------------------------------------------
RowReporter::RowReporter(Send send) : send_(std::move(send)) {
  if (valid()) thread_ = std::thread([this] { run(); });
}

RowReporter::~RowReporter() {
  stop_.raise();
  if (thread_.joinable()) thread_.join();
}

bool RowReporter::valid() const {
  return stop_.valid() && finishing_.valid() && done_.valid() && over_.valid() && work_.valid() && changed_.valid();
}

void RowReporter::add(std::string row) {
  {
    const MutexLock lock(mutex_);
    rows_.add(std::move(row));
  }
  work_.notify();
}

bool RowReporter::has_room() const {
  const MutexLock lock(mutex_);
  return rows_.has_room();
}

bool RowReporter::refused() const {
  const MutexLock lock(mutex_);
  return !refusal_.empty();
}

RowReporter::Left RowReporter::finish(std::chrono::milliseconds limit, int hurry, std::chrono::milliseconds hurried) {
  finishing_.raise();
  work_.notify();
  auto deadline = Monotonic::now() + limit;
  while (!done_.raised() && Monotonic::now() < deadline) {
    std::array<pollfd, 2> fds{{{done_.fd(), POLLIN, 0}, {hurry, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), poll_timeout(deadline)) <= 0) continue;
    if (fds[1].revents == 0) continue;
    deadline = std::min(deadline, Monotonic::now() + hurried);
    hurry = -1;
  }
  stop_.raise();
  if (thread_.joinable()) thread_.join();
  const MutexLock lock(mutex_);
  const auto first = rows_.first();
  return {rows_.release(), first, refusal_};
}

void RowReporter::run() {
  auto wait = kFirstWait;
  bool told = false;
  while (!stop_.raised()) {
    const auto report = next_report();
    if (!report) {
      if (finishing_.raised()) return done_.raise();
      (void)wait_ready(work_.fd(), POLLIN, stop_.fd(), Monotonic::now() + kNever);
      work_.take();
      continue;
    }
    const auto receipt = send_(*report, stop_.fd());
    if (receipt) {
      wait = kFirstWait;
      told = false;
      pause(kBetweenReports, take(*receipt));
    } else if (receipt.error().kind == ErrorKind::kCancelled) {
      return;
    } else if (is_transient(receipt.error().kind)) {
      if (!std::exchange(told, true)) note("reporting points: {}; trying again", receipt.error().message);
      pause(with_jitter(wait), false);
      wait = std::min(wait * 2, kLongestWait);
    } else {
      return give_up(receipt.error());
    }
  }
}

// nullopt when the run server has all rows and nobody waits for them to be stored.
std::optional<api::RowReport> RowReporter::next_report() const {
  const bool finishing = finishing_.raised();
  const MutexLock lock(mutex_);
  if (rows_.has_unsent() || !rows_.has_room() || (finishing && !rows_.empty())) return rows_.report(finishing);
  return std::nullopt;
}

bool RowReporter::take(const api::RowReceipt& receipt) {
  bool progress = false;
  {
    const MutexLock lock(mutex_);
    progress = rows_.take(receipt);
  }
  changed_.notify();
  return progress;
}

void RowReporter::give_up(const Error& error) {
  note("the points of this run are not reported any more: {}", error.message);
  {
    const MutexLock lock(mutex_);
    refusal_ = printable(error.message, 512);
  }
  if (error.kind == ErrorKind::kConflict) over_.raise();
  changed_.notify();
  done_.raise();
}

// `unless_finishing`: not when the end of the run waits for it.
void RowReporter::pause(std::chrono::milliseconds time, bool unless_finishing) const {
  (void)wait_ready(unless_finishing ? finishing_.fd() : -1, POLLIN, stop_.fd(), Monotonic::now() + time);
}

}  // namespace modelrun::sandbox
