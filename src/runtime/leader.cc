#include "runtime/leader.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/mutex.h"

namespace modelrun::runtime {
namespace {

const kube::Json& spec_of(const kube::Json& lease) {
  static const kube::Json kEmpty = kube::Json::object();
  const auto spec = lease.find("spec");
  return spec != lease.end() && spec->is_object() ? *spec : kEmpty;
}

std::string text_at(const kube::Json& object, const char* field) {
  const auto value = object.find(field);
  return value != object.end() && value->is_string() ? value->get<std::string>() : std::string{};
}

std::int64_t number_at(const kube::Json& object, const char* field) {
  const auto value = object.find(field);
  return value != object.end() && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

std::int64_t whole_seconds(std::chrono::milliseconds span) {
  return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(span).count());
}

}  // namespace

LeaderElector::LeaderElector(kube::Client& client, LeaderOptions options, LeaderCallbacks callbacks, const Clock& wall,
                             SteadyClock& clock, Metrics* metrics)
    : client_(client),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      wall_(wall),
      clock_(clock),
      metrics_(metrics),
      random_(options_.seed) {}

bool LeaderElector::is_leader() const {
  return clock_.now().time_since_epoch().count() < leads_until_.load(std::memory_order_acquire);
}

std::string LeaderElector::leader() const {
  const MutexLock lock(mutex_);
  return holder_;
}

void LeaderElector::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (try_acquire_or_renew(stop)) {
      lead(stop);
    } else if (!pause(stop)) {
      return;
    }
  }
}

void LeaderElector::lead(std::stop_token stop) {
  log::info("leading", {{"lease", options_.lease}, {"identity", options_.identity}});
  if (metrics_ != nullptr) metrics_->leading(true);
  if (callbacks_.started_leading) callbacks_.started_leading();
  // Each renewal moves the deadline of is_leader(), which may pass between two tries.
  while (pause(stop) && is_leader()) {
    try_acquire_or_renew(stop);
    if (!is_leader()) break;
  }
  // is_leader() must be false before the callback runs, and the lease is released only after the callback has
  // returned.
  const bool held = is_leader();
  leads_until_.store(0, std::memory_order_release);
  if (metrics_ != nullptr) metrics_->leading(false);
  log::info("no longer leading", {{"lease", options_.lease}, {"identity", options_.identity}});
  if (callbacks_.stopped_leading) callbacks_.stopped_leading();
  if (held && options_.release_on_stop) release();
}

bool LeaderElector::pause(std::stop_token stop) {
  std::uniform_real_distribution<double> spread(1.0, 1.2);
  auto delay = std::chrono::duration_cast<SteadyClock::Span>(options_.retry_period * spread(random_));
  // A leader does not sleep beyond its deadline.
  const SteadyClock::Point until{SteadyClock::Span{leads_until_.load(std::memory_order_acquire)}};
  if (is_leader()) delay = std::min(delay, until - clock_.now());
  return clock_.sleep(delay, std::move(stop));
}

bool LeaderElector::try_acquire_or_renew(std::stop_token stop) {
  // The deadline counts from before the request, because other candidates may see the renewal at any time after that.
  const auto begin = clock_.now();
  // A leader that knows its lease renews it by one write, and reads the lease only when that fails.
  auto client = timed_client(begin);
  if (!is_leader() || !observed_) {
    auto current = client.get(kube::kLeases, options_.namespace_, options_.lease, stop);
    if (current) {
      observe(*current);
    } else if (current.error().kind == ErrorKind::kNotFound) {
      observed_.reset();
    } else {
      log::debug("lease not read", {{"error", current.error().message}});
      return false;
    }
    if (held_by_other()) return false;
  }
  auto written = write(client, observed_, stop);
  if (!written) {
    log::debug("lease not written", {{"error", written.error().message}});
    if (written.error().kind == ErrorKind::kConflict || written.error().kind == ErrorKind::kNotFound) {
      // Another client has written or deleted the lease. If another candidate holds it now, leadership is lost at
      // once, even if the deadline has not passed.
      auto current = client.get(kube::kLeases, options_.namespace_, options_.lease, stop);
      if (current) observe(*current);
      if (current && held_by_other()) leads_until_.store(0, std::memory_order_release);
      if (!current) observed_.reset();
    } else if (written.error().kind != ErrorKind::kExists) {
      // The write may have been carried out, so the lease must be read before the next write.
      observed_.reset();
    }
    return false;
  }
  observe(*written);
  const auto until = begin + options_.renew_deadline;
  leads_until_.store(until.time_since_epoch().count(), std::memory_order_release);
  return true;
}

// Limits each request to the time until the leader's deadline, so that a renewal that hangs does not make it miss
// that.
kube::Client LeaderElector::timed_client(SteadyClock::Point now) const {
  const SteadyClock::Point until{SteadyClock::Span{leads_until_.load(std::memory_order_acquire)}};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - now);
  return client_.with_timeout(is_leader() ? std::max(left, std::chrono::milliseconds{1}) : options_.renew_deadline);
}

Result<kube::Json> LeaderElector::write(kube::Client client, std::optional<kube::Json> current, std::stop_token stop) {
  const std::string now = format_rfc3339(wall_.now());
  const bool create = !current.has_value();
  kube::Json lease = create ? kube::Json{{"metadata", {{"name", options_.lease}, {"namespace", options_.namespace_}}}}
                            : std::move(*current);
  const auto old = spec_of(lease);
  const bool ours = text_at(old, "holderIdentity") == options_.identity;
  kube::Json spec = old;
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] = whole_seconds(options_.lease_duration);
  spec["renewTime"] = now;
  if (!ours) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = number_at(old, "leaseTransitions") + (create ? 0 : 1);
  }
  lease["spec"] = std::move(spec);
  return create ? client.create(kube::kLeases, lease, std::move(stop))
                : client.replace(kube::kLeases, lease, std::move(stop));
}

void LeaderElector::observe(const kube::Json& lease) {
  const auto metadata = lease.find("metadata");
  const std::string version =
      metadata != lease.end() && metadata->is_object() ? text_at(*metadata, "resourceVersion") : std::string{};
  if (!observed_ || version != observed_version_) {
    // The age of a lease counts from when this process first saw its resourceVersion. So after a restart, or after a
    // change that was not seen, the full duration passes before the lease counts as expired, which is the safe side.
    if (version != observed_version_) observed_at_ = clock_.now();
    observed_version_ = version;
    observed_ = lease;
  }
  const MutexLock lock(mutex_);
  holder_ = text_at(spec_of(lease), "holderIdentity");
}

bool LeaderElector::held_by_other() const {
  if (!observed_) return false;
  const auto& spec = spec_of(*observed_);
  const auto holder = text_at(spec, "holderIdentity");
  if (holder.empty() || holder == options_.identity) return false;
  // The holder's duration counts if it is longer: it may be configured differently from ours.
  const auto theirs = std::chrono::seconds{number_at(spec, "leaseDurationSeconds")};
  return clock_.now() < observed_at_ + std::max<SteadyClock::Span>(theirs, options_.lease_duration);
}

void LeaderElector::release() {
  // The requests do not get the stop token, on which a stop has been requested already.
  auto client = client_.with_timeout(options_.retry_period);
  if (!observed_) {
    // A renewal was interrupted, so the lease must be read to know its state.
    auto current = client.get(kube::kLeases, options_.namespace_, options_.lease);
    if (current) observe(*current);
  }
  if (!observed_ || text_at(spec_of(*observed_), "holderIdentity") != options_.identity) return;
  kube::Json lease = *observed_;
  const std::string now = format_rfc3339(wall_.now());
  kube::Json& spec = lease["spec"];
  spec["holderIdentity"] = "";
  spec["leaseDurationSeconds"] = 1;
  spec["renewTime"] = now;
  auto released = client.replace(kube::kLeases, lease);
  if (released) observe(*released);
  if (!released) log::warn("lease not released", {{"error", released.error().message}});
}

}  // namespace modelrun::runtime
