#include "simulation/transport.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "simulation/feed.h"

namespace modelrun::simulation {
namespace {

using kube::Method;
using kube::Response;
using P = Perturbation;

std::unexpected<Error> cancelled() {
  return fail(ErrorKind::kCancelled, "the process was asked to stop");
}

bool is_watch(const kube::Request& request) {
  return request.path.find("watch=true") != std::string::npos;
}

// "PUT modelruns/x/status": for the trace.
std::string short_name(const kube::Request& request) {
  auto path = request.path.substr(0, request.path.find('?'));
  const auto at = path.find("/namespaces/");
  return fmt::format("{} {}", to_string(request.method), at == std::string::npos ? path : path.substr(at + 12));
}

struct InFlight {
  explicit InFlight(int& count) : count_(count) { ++count_; }
  ~InFlight() { --count_; }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  int& count_;
};

}  // namespace

// Mostly a few milliseconds, sometimes longer: then passes of other workers and processes come in between.
void SimTransport::travel(const std::stop_token& stop) {
  if (sim_.instant) {
    sim_.fibers.sleep(Nanos(0), stop);
    return;
  }
  const std::int64_t most = sim_.network.percent(85) ? 5'000 : 150'000;
  sim_.fibers.sleep(std::chrono::microseconds(sim_.network.between(300, most)), stop);
}

void SimTransport::crash() {
  cut_ = true;
  if (on_crash) on_crash();
}

// What becomes of a request that is not carried out.
std::optional<Result<Response>> SimTransport::fault_before(const kube::Request& request) {
  auto& perturbations = sim_.perturbations;
  const auto struck = [&](P perturbation) {
    if (!perturbations.strikes_request(perturbation)) return false;
    sim_.trace.line(who_, "{}: {}", short_name(request), info_of(perturbation).what);
    return true;
  };
  if (network_.outage) return fail(ErrorKind::kUnavailable, "connection refused");
  if (network_.forbidden != 0) return status_answer(network_.forbidden, "Forbidden", "not allowed for a while");
  if (perturbations.strikes(P::kCrashBefore, 6)) {
    sim_.trace.line(who_, "crashes before {}", short_name(request));
    crash();
    return cancelled();
  }
  if (struck(P::kNoConnection)) return fail(ErrorKind::kUnavailable, "connection reset");
  if (request.method != Method::kGet && request.method != Method::kPost && struck(P::kConflict)) {
    return status_answer(409, "Conflict", "the object has been modified");
  }
  if (struck(P::kThrottled)) {
    auto answer = status_answer(429, "TooManyRequests", "the server has too many requests");
    if (sim_.network.percent(50)) answer.retry_after = std::chrono::seconds(sim_.network.between(1, 5));
    return answer;
  }
  if (struck(P::kServerError)) {
    const bool internal = sim_.network.percent(50);
    return status_answer(internal ? 500 : 503, internal ? "InternalError" : "ServiceUnavailable",
                         "an error on the server");
  }
  return std::nullopt;
}

Result<Response> SimTransport::exchange(const kube::Request& request, std::chrono::milliseconds timeout,
                                        const std::stop_token& stop) {
  const InFlight count(in_flight_);
  const auto deadline = sim_.fibers.now() + timeout;
  travel(stop);
  if (gone(stop)) return cancelled();
  if (auto fault = fault_before(request)) return *fault;
  Response answer = server_.handle(request, who_);
  if (sim_.trace.on() && request.path.find("/leases/") == std::string::npos) {
    const bool refused = answer.status == 403 || answer.status == 422;
    sim_.trace.line(who_, "{} -> {} {}", short_name(request), answer.status, refused ? answer.body : "");
  }
  if (request.method != Method::kGet && sim_.perturbations.strikes(P::kCrashAfter, 6)) {
    sim_.trace.line(who_, "crashes after {}", short_name(request));
    crash();
    return cancelled();
  }
  if (sim_.perturbations.strikes_request(P::kSlowAnswer)) {
    sim_.trace.line(who_, "{}: the answer takes long", short_name(request));
    sim_.fibers.sleep(std::chrono::milliseconds(sim_.network.between(500, 12'000)), stop);
  }
  travel(stop);
  if (gone(stop)) return cancelled();
  if (sim_.fibers.now() > deadline) return fail(ErrorKind::kTimeout, "no answer in time");
  if (sim_.perturbations.strikes_request(P::kAnswerLost)) {
    sim_.trace.line(who_, "{}: carried out, its answer is lost", short_name(request));
    return fail(sim_.network.percent(50) ? ErrorKind::kTimeout : ErrorKind::kUnavailable, "the answer is lost");
  }
  return answer;
}

Result<Response> SimTransport::send(const kube::Request& request, std::stop_token stop) {
  if (gone(stop)) return cancelled();
  return exchange(request, request.timeout, stop);
}

Result<Response> SimTransport::stream(const kube::Request& request, std::chrono::milliseconds idle_timeout,
                                      const kube::OnData& on_data, std::stop_token stop) {
  if (gone(stop)) return cancelled();
  if (is_watch(request)) return watch(request, idle_timeout, on_data, stop);
  auto answer = exchange(request, idle_timeout, stop);
  if (!answer || !answer->ok()) return answer;
  on_data(answer->body);
  return Response{.status = 200, .body = {}, .retry_after = {}};
}

Result<Response> SimTransport::watch(const kube::Request& request, std::chrono::milliseconds idle_timeout,
                                     const kube::OnData& on_data, const std::stop_token& stop) {
  travel(stop);
  if (gone(stop)) return cancelled();
  if (auto fault = fault_before(request)) return *fault;
  WatchFeed feed(server_, request.path);
  const auto which = static_cast<std::size_t>(feed.kind());
  if (feed.is_gone()) {
    if (sim_.network.percent(50)) return status_answer(410, "Expired", "too old resource version");
    on_data(WatchFeed::gone_event());
    return Response{.status = 200, .body = {}, .retry_after = {}};
  }
  // This connection may be one to an API server that is behind.
  Nanos behind{0};
  if (sim_.perturbations.strikes(P::kWatchLag, 60)) {
    behind = std::chrono::milliseconds(sim_.network.between(200, 30'000));
    sim_.trace.line(who_, "the watch of {} is behind", resource_of(feed.kind()).plural);
  }
  const auto late = [&] { return sim_.calm ? Nanos(0) : std::max(behind, lag.at(which)); };
  const auto epoch = network_.watch_epoch;
  if (sim_.trace.on()) sim_.trace.line(who_, "watches {}", resource_of(feed.kind()).plural);
  const auto ends = sim_.fibers.now() + feed.timeout();
  auto last_byte = sim_.fibers.now();
  auto bookmark = sim_.fibers.now() + std::chrono::seconds(60);
  while (true) {
    auto deadline = std::min<Nanos>(ends, last_byte + idle_timeout);
    const bool quiet = silent.at(which);
    if (!quiet) {
      deadline = std::min(deadline, bookmark);
      if (const auto at = feed.next_at()) deadline = std::min(deadline, *at + late());
    }
    const auto known = server_.history(feed.kind()).size();
    sim_.fibers.wait(
        deadline,
        [&] {
          return cut_ || network_.watch_epoch != epoch || server_.history(feed.kind()).size() != known ||
                 silent.at(which) != quiet;
        },
        stop);
    if (gone(stop)) return cancelled();
    const auto now = sim_.fibers.now();
    if (network_.watch_epoch != epoch || network_.outage) {
      if (sim_.trace.on()) sim_.trace.line(who_, "the watch of {} breaks off", resource_of(feed.kind()).plural);
      if (network_.break_with_410) on_data(WatchFeed::gone_event());
      return fail(ErrorKind::kUnavailable, "the watch broke off");
    }
    if (now >= last_byte + idle_timeout) return fail(ErrorKind::kTimeout, "the watch is silent");
    if (silent.at(which)) continue;
    if (now >= ends) return Response{.status = 200, .body = {}, .retry_after = {}};
    const auto at = feed.next_at();
    if (at && *at + late() <= now) {
      const auto line = feed.take();
      if (line.empty()) continue;  // not selected
      last_byte = now;
      if (!on_data(line)) return Response{.status = 200, .body = {}, .retry_after = {}};
    } else if (now >= bookmark) {
      last_byte = now;
      bookmark = now + std::chrono::seconds(60);
      if (!on_data(feed.bookmark())) return Response{.status = 200, .body = {}, .retry_after = {}};
    }
  }
}

}  // namespace modelrun::simulation
