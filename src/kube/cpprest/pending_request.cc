#include "kube/cpprest/pending_request.h"

#include <cpprest/producerconsumerstream.h>
#include <pplx/threadpool.h>

#include <utility>

#include "base/mutex.h"
#include "base/text.h"

namespace modelrun::kube {
namespace {

constexpr std::size_t kHighWater = 1U << 20U;  // of a stream: stop reading while this much waits for the caller

struct Abandoned : std::exception {};

using StateManager = concurrency::streams::details::streambuf_state_manager<std::uint8_t>;

// A stream buffer that can only be written to, and passes all bytes to the exchange.
class SinkBuffer final : public StateManager {
 public:
  explicit SinkBuffer(std::shared_ptr<PendingRequest> exchange)
      : StateManager(std::ios_base::out), exchange_(std::move(exchange)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(size_t, std::ios_base::openmode) override {}
  size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return traits::eof(); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return traits::eof(); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override { return traits::eof(); }
  bool acquire(std::uint8_t*&, size_t&) override { return false; }
  void release(std::uint8_t*, size_t) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    return exchange_->received(&byte, 1).then([byte](size_t) { return static_cast<int_type>(byte); });
  }
  pplx::task<size_t> _putn(const std::uint8_t* data, size_t size) override { return exchange_->received(data, size); }
  pplx::task<int_type> _bumpc() override { return end_of_file(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return end_of_file(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return end_of_file(); }
  pplx::task<int_type> _ungetc() override { return end_of_file(); }
  pplx::task<size_t> _getn(std::uint8_t*, size_t) override { return pplx::task_from_result<size_t>(0); }
  size_t _scopy(std::uint8_t*, size_t) override { return 0; }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(size_t) override { return nullptr; }
  void _commit(size_t) override {}

 private:
  static pplx::task<int_type> end_of_file() { return pplx::task_from_result<int_type>(traits::eof()); }

  std::shared_ptr<PendingRequest> exchange_;
};

// Gives access to the constructor from a buffer, which is protected in the library's handle type.
class SinkHandle final : public concurrency::streams::streambuf<std::uint8_t> {
 public:
  explicit SinkHandle(const std::shared_ptr<SinkBuffer>& buffer) : streambuf(buffer) {}
};

}  // namespace

RequestEnd PendingRequest::end(MutexLock& lock, std::stop_token stop) {
  if (finished_ && error_) return {std::unexpected(*error_), stale_};
  if (finished_) return {Response{.status = status_, .body = std::move(inbox_), .retry_after = retry_after_}};
  const bool stopped = stop.stop_requested();
  abandon(lock);
  if (stopped) return {fail(ErrorKind::kCancelled, "stopped")};
  return {fail(ErrorKind::kTimeout, "no answer in time")};
}

RequestEnd PendingRequest::wait(Point deadline, std::stop_token stop) {
  MutexLock lock(mutex_);
  changed_.wait_until(mutex_, stop, deadline, [&]() REQUIRES(mutex_) { return finished_; });
  return end(lock, std::move(stop));
}

RequestEnd PendingRequest::wait_stream(std::chrono::milliseconds idle_timeout, const OnData& on_data,
                                       std::stop_token stop) {
  std::string piece;
  MutexLock lock(mutex_);
  streaming_ = true;
  last_byte_ = std::chrono::steady_clock::now();
  while (true) {
    const Point deadline = last_byte_ + idle_timeout;
    const bool woken =
        changed_.wait_until(mutex_, stop, deadline, [&]() REQUIRES(mutex_) { return deliverable() || finished_; });
    if (stop.stop_requested()) return end(lock, std::move(stop));
    if (deliverable()) {
      piece.swap(inbox_);
      unblock(lock);
      lock.unlock();
      const bool more = on_data(piece);
      // Frees the memory of a large burst, because the watch may then be quiet for a long time.
      if (piece.capacity() > 64U << 10U) free_text(piece);
      piece.clear();
      lock.lock();
      if (more) continue;
      const int status = status_;
      if (!finished_) abandon(lock);
      return {Response{.status = status, .body = {}, .retry_after = {}}};
    }
    if (finished_) return end(lock, std::move(stop));
    if (status_ != 0 && collecting()) unblock(lock);
    if (!woken && std::chrono::steady_clock::now() >= last_byte_ + idle_timeout) return end(lock, std::move(stop));
  }
}

void PendingRequest::abandon(MutexLock& lock) {
  abandoned_ = true;
  const bool connected = connected_;
  unblock(lock);
  lock.unlock();
  // Cancels only after the connection is up: cpprestsdk throws on its own thread, which ends the process, when a
  // socket is closed between the end of connect() and the setting of TCP_NODELAY. An exchange that is abandoned
  // earlier is ended by sending(). The cancellation runs on the library's thread, because closing a socket while
  // another thread starts to read from it is a race.
  if (connected) {
    crossplat::threadpool::shared_instance().service().post([source = cancel_]() { source.cancel(); });
  }
  lock.lock();
}

void PendingRequest::unblock(MutexLock& lock) {
  if (!blocked_) return;
  const auto event = *std::exchange(blocked_, std::nullopt);
  const std::size_t size = blocked_size_;
  lock.unlock();
  event.set(size);
  lock.lock();
}

void PendingRequest::sending() {
  const MutexLock lock(mutex_);
  connected_ = true;
  if (abandoned_) throw Abandoned{};
}

void PendingRequest::headers(int status, std::optional<std::chrono::seconds> retry_after) {
  const MutexLock lock(mutex_);
  status_ = status;
  retry_after_ = retry_after;
  last_byte_ = std::chrono::steady_clock::now();
  changed_.notify_all();
}

// Never fails, not even when the caller has left: on a failure, cpprestsdk closes the stream and waits, on its only
// thread, for a continuation that the same thread would have to run. An exchange whose caller has left is ended by
// cancellation instead.
pplx::task<std::size_t> PendingRequest::received(const std::uint8_t* data, std::size_t size) {
  MutexLock lock(mutex_);
  if (abandoned_) return pplx::task_from_result(size);
  if (inbox_.size() + size > max_body_) {
    finished_ = true;
    error_ = Error{ErrorKind::kTooLarge, fmt::format("an answer of more than {} bytes", max_body_)};
    changed_.notify_all();
    abandon(lock);
    return pplx::task_from_result(size);
  }
  inbox_.append(reinterpret_cast<const char*>(data), size);
  last_byte_ = std::chrono::steady_clock::now();
  if (streaming_) changed_.notify_all();
  if (collecting() || inbox_.size() < kHighWater) return pplx::task_from_result(size);
  blocked_.emplace();
  blocked_size_ = size;
  return pplx::create_task(*blocked_);
}

void PendingRequest::finished(std::optional<Error> error, bool stale) {
  const MutexLock lock(mutex_);
  if (finished_) return;
  finished_ = true;
  stale_ = stale;
  error_ = std::move(error);
  changed_.notify_all();
}

concurrency::streams::ostream body_sink(std::shared_ptr<PendingRequest> exchange) {
  return SinkHandle(std::make_shared<SinkBuffer>(std::move(exchange))).create_ostream();
}

concurrency::streams::istream body_source(const std::string& body) {
  concurrency::streams::producer_consumer_buffer<std::uint8_t> buffer(body.size() + 1);
  // Both calls take effect before they return, so the tasks that they return are not needed.
  buffer.putn_nocopy(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  buffer.close(std::ios_base::out);
  return buffer.create_istream();
}

}  // namespace modelrun::kube
