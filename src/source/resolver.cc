#include "source/resolver.h"

#include <algorithm>
#include <map>

#include "base/mutex.h"
#include "base/text.h"
#include "source/cache_key.h"
#include "source/ref.h"
#include "source/single_flight.h"
#include "source/url.h"

namespace modelrun::source {
namespace {

constexpr std::size_t kMaxAnswers = 4'096;
}  // namespace

struct Resolver::Impl {
  using Instant = std::chrono::steady_clock::time_point;
  struct Answer {
    Result<Resolved> result;
    Instant expires;
  };

  ResolverOptions options;
  SingleFlight<Resolved> flights;
  Mutex mutex;
  std::map<std::string, Answer> answers GUARDED_BY(mutex);

  std::optional<Result<Resolved>> remembered(const std::string& key) {
    const MutexLock lock(mutex);
    const auto found = answers.find(key);
    if (found == answers.end() || found->second.expires <= options.now()) return std::nullopt;
    return found->second.result;
  }

  void remember(const std::string& key, const Result<Resolved>& result) {
    if (!result && result.error().kind == ErrorKind::kCancelled) return;
    const auto now = options.now();
    const MutexLock lock(mutex);
    if (answers.size() >= kMaxAnswers) {
      std::erase_if(answers, [now](const auto& entry) { return entry.second.expires <= now; });
      if (answers.size() >= kMaxAnswers) answers.clear();
    }
    answers.insert_or_assign(key, Answer{result, now + options.cache_ttl});
  }
};

Resolver::Resolver(ResolverOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}
Resolver::~Resolver() = default;

Result<Resolved> Resolver::resolve(const Remote& remote, const std::optional<std::string>& branch,
                                   const std::optional<std::string>& commit, std::stop_token stop) {
  const auto url = parse_git_url(remote.url, impl_->options.policy);
  RETURN_IF_ERROR(url);
  if (branch) {
    RETURN_IF_ERROR(check_branch(*branch));
  }
  if (commit) {
    RETURN_IF_ERROR(check_commit(*commit));
    return Resolved{ascii_lower(*commit), {}};
  }
  // Namespaces share no answers: failures are remembered too, and one may be the refusal of a repository in one of
  // them.
  const std::string key =
      remote.namespace_ + '/' + cache_key(remote, url->text(), branch ? "branch " + *branch : "HEAD");
  return impl_->flights.run(key, stop, [&]() -> Result<Resolved> {
    // The cache is looked at inside the flight: an equal flight that ended just before this one began has left its
    // answer there.
    if (auto known = impl_->remembered(key)) return *known;
    auto result = impl_->options.fetcher->resolve(remote, branch, stop);
    impl_->remember(key, result);
    return result;
  });
}

}  // namespace modelrun::source
