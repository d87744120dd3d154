#include "source/resolver.h"

#include <algorithm>
#include <map>

#include "base/encoding.h"
#include "base/mutex.h"
#include "source/cache_key.h"
#include "source/git.h"
#include "source/git_errors.h"
#include "source/ref.h"
#include "source/single_flight.h"
#include "source/url.h"

namespace modelrun::source {
namespace {

constexpr std::size_t kMaxAnswers = 4'096;
constexpr std::size_t kMaxListing = 64U << 10U;

// What `git ls-remote --symref` says about one ref. Its output has lines of two forms: "ref: refs/heads/main TAB HEAD"
// and "<id> TAB <name>".
struct Listing {
  std::string symref;  // the ref that the wanted one (HEAD) points to; empty if it is not symbolic
  std::string commit;  // the commit of the wanted ref; empty if it is not listed
};

Listing parse_listing(std::string_view text, std::string_view wanted) {
  Listing listing;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t tab = line.find('\t');
    // ls-remote matches a pattern against the end of a name, so that it lists refs/x/refs/heads/main for
    // refs/heads/main too. Only the exact name counts.
    if (tab == std::string_view::npos || line.substr(tab + 1) != wanted) continue;
    const std::string_view value = line.substr(0, tab);
    if (value.starts_with("ref: ")) {
      listing.symref = value.substr(5);
    } else if (is_commit(value)) {
      listing.commit = value;
    }
  }
  return listing;
}

std::string branch_of(const std::string& symref) {
  constexpr std::string_view heads = "refs/heads/";
  if (!symref.starts_with(heads)) return {};
  std::string branch = symref.substr(heads.size());
  return check_branch(branch) ? branch : std::string{};
}

Result<Resolved> ask_remote(const GitSession& git, const std::optional<std::string>& branch,
                            const std::stop_token& stop) {
  const std::string wanted = branch ? "refs/heads/" + *branch : "HEAD";
  std::string text;
  const Sink sink = [&text](std::string_view bytes) -> Result<void> {
    if (text.size() + bytes.size() > kMaxListing) return fail(ErrorKind::kTooLarge, "the remote lists too many refs");
    text += bytes;
    return {};
  };
  if (auto ran = git.remote_command({"ls-remote", "--quiet", "--symref", "--", git.url(), wanted}, sink, stop); !ran) {
    return std::unexpected(ran.error());
  }
  const Listing listing = parse_listing(text, wanted);
  if (listing.commit.empty()) {
    if (branch) return fail(ErrorKind::kNotFound, "{} has no branch '{}'", git.url(), *branch);
    return fail(ErrorKind::kNotFound, "{} has no default branch: it is empty, or its HEAD points nowhere", git.url());
  }
  return Resolved{ascii_lower(listing.commit), branch ? *branch : branch_of(listing.symref)};
}

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

  Result<Resolved> ask(const Remote& remote, const GitUrl& url, const std::optional<std::string>& branch,
                       const std::stop_token& stop) {
    const GitSessionOptions session{&options.policy, options.scratch, &options.lookup, options.policy.resolve_timeout};
    auto git = GitSession::open(remote, url, session, stop);
    auto result = git ? ask_remote(*git, branch, stop) : Result<Resolved>(std::unexpected(git.error()));
    if (!result) result.error().message = safe_message(result.error().message, {});
    return result;
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
    return Resolved{ascii_lower(*commit), branch.value_or("")};
  }
  const std::string key = cache_key(remote, url->text(), branch ? "branch " + *branch : "HEAD");
  return impl_->flights.run(key, stop, [&]() -> Result<Resolved> {
    // The cache is looked at inside the flight: an equal flight that ended just before this one began has left its
    // answer there.
    if (auto known = impl_->remembered(key)) return *known;
    auto result = impl_->ask(remote, *url, branch, stop);
    impl_->remember(key, result);
    return result;
  });
}

}  // namespace modelrun::source
