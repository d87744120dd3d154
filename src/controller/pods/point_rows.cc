#include "controller/pods/point_rows.h"

#include <algorithm>
#include <utility>

#include "controller/run/points.h"

namespace modelrun::controller {
namespace {

// Twice what an agent keeps: one that was not told yet what is stored may send as much again.
constexpr std::size_t kMostWaiting = 2 * api::kMaxUnstoredRows;

std::unexpected<Error> over() {
  return fail(ErrorKind::kConflict, "this attempt is over");
}

std::unexpected<Error> not_leading() {
  return fail(ErrorKind::kUnavailable, "this operator no longer leads; ask again");
}

// Callbacks are collected while the lock is held, and called after it is released.
void call(const PointRows::Calls& calls) {
  for (const auto& each : calls) each();
}

}  // namespace

struct PointRows::Entry {
  using Point = runtime::SteadyClock::Point;
  int attempt = 0;
  std::optional<Stored> stored;
  // Of the attempt: rows that wait to be stored. The number of the first one is stored->rows.of_attempt.
  std::vector<std::string> waiting;
  std::vector<std::int64_t> points;  // of these rows
  std::size_t waiting_bytes = 0;
  ByteBudget::Hold bytes;
  std::optional<Point> since;  // when the first of them came
  bool wanted = false;         // somebody waits until they are stored
  ListFn list;
  std::vector<ReceiptFn> receipts;

  void begin(int next, Calls& calls) {
    refuse(over(), calls);
    attempt = next;
    stored.reset();
    drop();
  }
  // Has the requests that wait answered with `error`.
  void refuse(const std::unexpected<Error>& error, Calls& calls) {
    if (list) calls.push_back([done = std::exchange(list, nullptr), error] { done(error); });
    refuse_receipts(error, calls);
  }
  void refuse_receipts(const std::unexpected<Error>& error, Calls& calls) {
    for (auto& each : receipts) calls.push_back([done = std::move(each), error] { done(error); });
    receipts.clear();
    wanted = false;
  }
  void drop() {
    waiting.clear();
    points.clear();
    waiting_bytes = 0;
    bytes.release();
    since.reset();
  }
  [[nodiscard]] std::int64_t held() const {
    return stored->rows.of_attempt + static_cast<std::int64_t>(waiting.size());
  }
  [[nodiscard]] api::RowReceipt receipt() const { return {held(), stored->rows.of_attempt}; }

  [[nodiscard]] Result<api::RowReceipt> take(const api::RowReport& report, ByteBudget::Hold fresh, Point now) {
    if (!stored) return fail(ErrorKind::kUnavailable, "the rows of the run are being read; ask again");
    if (report.from > held()) return receipt();
    const auto known = static_cast<std::size_t>(held() - report.from);
    if (waiting.empty()) bytes = std::move(fresh);
    for (std::size_t i = known; i < report.rows.size(); ++i) {
      const auto& row = report.rows[i];
      const auto point = point_of(row);
      RETURN_IF_ERROR(point);
      const auto size = waiting_bytes + row.size() + sizeof(std::string);
      if (waiting.size() >= kMostWaiting || !bytes.set(size)) {
        return fail(ErrorKind::kUnavailable, "there is no room for more rows; try again");
      }
      waiting_bytes = size;
      waiting.push_back(row);
      points.push_back(*point);
      if (!since) since = now;
    }
    return receipt();
  }

  // The point whose row `text` is, which must have none.
  [[nodiscard]] Result<std::int64_t> point_of(const std::string& text) const {
    const auto row = api::decode_row(text);
    RETURN_IF_ERROR(row);
    const auto point = static_cast<std::size_t>(row->point);
    if (point >= stored->done.size()) return fail(ErrorKind::kInvalid, "row: the run has no point {}", row->point);
    if (stored->done[point] || std::ranges::find(points, row->point) != points.end()) {
      return fail(ErrorKind::kInvalid, "row: point {} has a row already", row->point);
    }
    return row->point;
  }
};

PointRows::Entry* PointRows::entry_locked(const std::string& uid, int attempt, Calls& calls) {
  auto& entry = entries_[uid];
  if (!entry) entry = std::make_shared<Entry>();
  if (attempt > entry->attempt) entry->begin(attempt, calls);
  return attempt == entry->attempt ? entry.get() : nullptr;
}

void PointRows::ask(const std::string& uid, int attempt, ListFn done) {
  Calls calls;
  {
    const MutexLock lock(mutex_);
    Entry* entry = closed_ ? nullptr : entry_locked(uid, attempt, calls);
    if (entry == nullptr) {
      calls.push_back([done, error = closed_ ? not_leading() : over()] { done(error); });
    } else {
      if (entry->list) calls.push_back([earlier = entry->list] { earlier(not_leading()); });
      entry->list = std::move(done);
    }
  }
  call(calls);
}

bool PointRows::add(const std::string& uid, const std::string& namespace_, int attempt, const api::RowReport& report,
                    const ReceiptFn& done) {
  Calls calls;
  bool due = false;
  {
    const MutexLock lock(mutex_);
    Entry* entry = closed_ ? nullptr : entry_locked(uid, attempt, calls);
    Result<api::RowReceipt> answer = closed_ ? not_leading() : over();
    const bool idle = entry != nullptr && entry->waiting.empty();
    if (entry != nullptr) answer = entry->take(report, bytes_.hold(namespace_), clock_.now());
    if (answer && report.last && answer->stored < answer->held) {
      entry->wanted = true;
      entry->receipts.push_back(done);
    } else {
      calls.push_back([done, answer] { done(answer); });
    }
    const bool waits = entry != nullptr && !entry->waiting.empty();
    due = waits && (idle || entry->wanted || entry->waiting.size() >= kRowsAtOnce);
  }
  call(calls);
  return due;
}

void PointRows::set_stored(const std::string& uid, int attempt, Stored stored) {
  Calls calls;
  {
    const MutexLock lock(mutex_);
    Entry* entry = closed_ ? nullptr : entry_locked(uid, attempt, calls);
    if (entry != nullptr) {
      // What was read may contain rows that wait here: another process has stored them. The agent sends the others
      // again.
      entry->drop();
      entry->refuse_receipts(fail(ErrorKind::kUnavailable, "the rows of the run were read anew; ask again"), calls);
      entry->stored = std::move(stored);
    }
  }
  call(calls);
}

bool PointRows::is_known(const std::string& uid, int attempt) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  return found != entries_.end() && found->second->attempt == attempt && found->second->stored;
}

void PointRows::set_unknown(const std::string& uid) {
  const MutexLock lock(mutex_);
  if (const auto found = entries_.find(uid); found != entries_.end()) found->second->stored.reset();
}

PointRows::LastMap PointRows::last_map(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found == entries_.end() || !found->second->stored) return {};
  const Stored& stored = *found->second->stored;
  if (stored.rows.config_maps.empty()) return {};
  return {stored.rows.config_maps.back(), stored.last_uid, stored.last_version};
}

std::optional<PointsView> PointRows::read(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found == entries_.end() || !found->second->stored) return std::nullopt;
  const Entry& entry = *found->second;
  PointsView view;
  view.stored = entry.stored->rows;
  view.waiting = entry.waiting;
  view.waited = entry.since ? std::chrono::duration_cast<Duration>(clock_.now() - *entry.since) : Duration::zero();
  view.wanted = entry.wanted;
  view.done = entry.stored->done;
  return view;
}

void PointRows::note_stored(const std::string& uid, int attempt, std::int64_t first,
                            const std::vector<std::string>& rows, const std::string& map, const std::string& map_uid,
                            std::uint64_t map_version, std::size_t bytes) {
  Calls calls;
  std::vector<api::PointRow> decoded;  // before the lock, which all runs share
  for (const auto& text : rows) {
    if (auto row = api::decode_row(text)) decoded.push_back(std::move(*row));
  }
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    Entry& entry = *found->second;
    if (entry.attempt != attempt || !entry.stored || entry.stored->rows.of_attempt != first) return;
    Stored& stored = *entry.stored;
    for (const auto& row : decoded) {
      if (static_cast<std::size_t>(row.point) >= stored.done.size()) continue;
      stored.done[static_cast<std::size_t>(row.point)] = true;
      count_row(row, stored.rows);
    }
    const bool fresh = stored.rows.config_maps.empty() || stored.rows.config_maps.back() != map;
    if (fresh) stored.rows.config_maps.push_back(map);
    stored.rows.last_bytes = (fresh ? 0 : stored.rows.last_bytes) + bytes;
    stored.rows.bytes += bytes;
    stored.rows.of_attempt += static_cast<std::int64_t>(rows.size());
    stored.last_uid = map_uid;
    stored.last_version = map_version;
    // A row that decide() has made, for a point that took its sandbox with it, never waited here.
    const auto taken = std::min(rows.size(), entry.waiting.size());
    entry.waiting.erase(entry.waiting.begin(), entry.waiting.begin() + static_cast<std::ptrdiff_t>(taken));
    entry.points.erase(entry.points.begin(), entry.points.begin() + static_cast<std::ptrdiff_t>(taken));
    entry.since.reset();
    if (!entry.waiting.empty()) entry.since = clock_.now();
    entry.waiting_bytes = 0;
    for (const auto& row : entry.waiting) entry.waiting_bytes += row.size() + sizeof(std::string);
    (void)entry.bytes.set(entry.waiting_bytes);
    if (entry.waiting.empty()) {
      entry.wanted = false;
      for (auto& each : entry.receipts) {
        calls.push_back([done = std::move(each), receipt = entry.receipt()] { done(receipt); });
      }
      entry.receipts.clear();
    }
  }
  call(calls);
}

PointRows::ListFn PointRows::take_request(const std::string& uid, int attempt) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found == entries_.end() || found->second->attempt != attempt) return {};
  return std::exchange(found->second->list, nullptr);
}

api::PointList PointRows::list_of(const std::string& uid) const {
  api::PointList list;
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found == entries_.end() || !found->second->stored) return list;
  const auto& stored = *found->second->stored;
  list.failed = stored.rows.failed;
  for (std::size_t i = 0; i < stored.done.size(); ++i) {
    if (!stored.done[i]) continue;
    const auto point = static_cast<std::int64_t>(i);
    if (!list.done.empty() && list.done.back().second + 1 == point) {
      list.done.back().second = point;
    } else {
      list.done.emplace_back(point, point);
    }
  }
  return list;
}

void PointRows::forget(const std::string& uid) {
  Calls calls;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    found->second->refuse(over(), calls);
    entries_.erase(found);
  }
  call(calls);
}

void PointRows::close() {
  Calls calls;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    for (const auto& [uid, entry] : entries_) entry->refuse(not_leading(), calls);
    entries_.clear();
  }
  call(calls);
}

}  // namespace modelrun::controller
