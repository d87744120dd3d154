
#include "base/mutex.h"
#include "base/text.h"
#include "kube/config.h"
#include "kube/files.h"

namespace modelrun::kube {
namespace {

constexpr std::chrono::seconds kFileAge{60};
constexpr std::chrono::seconds kExpirySlack{10};
constexpr std::chrono::seconds kRejectedPause{5};
constexpr std::chrono::seconds kPluginTimeout{60};

}  // namespace

struct TokenSource::State {
  State(Config given, const Clock& clock_given) : config(std::move(given)), clock(clock_given) {}

  const Config config;
  const Clock& clock;
  Mutex mutex;  // held while the plugin runs, so that only one runs at a time
  std::optional<ExecCredential> cached GUARDED_BY(mutex);
  Time read_at GUARDED_BY(mutex){};
  bool stale GUARDED_BY(mutex) = false;  // the server has answered 401 to it

  [[nodiscard]] bool fresh(Time now) const REQUIRES(mutex) {
    if (!cached) return false;
    // A file may be read again at once, which costs nothing. A plugin may ask a person or a rate-limited service, so
    // it is not run again within kRejectedPause.
    if (stale && (!config.exec || now >= read_at + kRejectedPause)) return false;
    if (!config.exec && now >= read_at + kFileAge) return false;
    return !cached->expires || now + kExpirySlack < *cached->expires;
  }
};

TokenSource::TokenSource(Config config, const Clock& clock)
    : state_(std::make_unique<State>(std::move(config), clock)) {}

TokenSource::~TokenSource() = default;

Result<std::string> TokenSource::token(std::stop_token stop) {
  auto found = credential(std::move(stop));
  RETURN_IF_ERROR(found);
  return std::move(found->token);
}

Result<ExecCredential> TokenSource::credential(std::stop_token stop) {
  const auto& config = state_->config;
  if (config.token_file.empty() && !config.exec) return ExecCredential{.token = config.token};
  const MutexLock lock(state_->mutex);
  const Time now = state_->clock.now();
  if (state_->fresh(now)) return *state_->cached;
  Result<ExecCredential> read;
  if (!config.token_file.empty()) {
    auto content = read_text_file(config.token_file);
    if (content) {
      read = ExecCredential{.token = std::string(trimmed(*content, kBlank))};
    } else {
      read = fail(ErrorKind::kDenied, "token file: {}", content.error().message);
    }
  } else {
    read = run_exec_plugin(config, kPluginTimeout, std::move(stop));
  }
  // A file may be unreadable for a moment while it is being replaced. The cached token is used then, because it may
  // still be valid.
  if (!read && state_->cached && !state_->cached->expires && !config.token_file.empty()) return *state_->cached;
  if (!read) return read;
  state_->cached = *read;
  state_->read_at = now;
  state_->stale = false;
  return read;
}

void TokenSource::rejected() {
  const MutexLock lock(state_->mutex);
  state_->stale = true;
}

}  // namespace modelrun::kube
