#include "source/archive_cache.h"

#include <algorithm>
#include <atomic>

#include "source/archive_builder.h"
#include "source/archive_store.h"
#include "source/cache_key.h"
#include "source/git_errors.h"
#include "source/ref.h"
#include "source/single_flight.h"
#include "source/url.h"

namespace modelrun::source {

namespace fs = std::filesystem;
using ArchivePointer = std::shared_ptr<const Archive>;

namespace {

// Removes a half-written file when the work fails. After success ArchiveStore::add() has renamed the file, so that
// there is nothing to remove.
struct RemoveAtEnd {
  fs::path path;
  ~RemoveAtEnd() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

// The errors of ArchiveStore and TreeReader have not been through safe_message() yet.
Result<ArchivePointer> shortened(Result<ArchivePointer> result) {
  if (!result) result.error().message = safe_message(result.error().message, {});
  return result;
}

}  // namespace

struct ArchiveCache::Impl {
  ArchiveCacheOptions options;
  std::unique_ptr<ArchiveStore> store;
  SingleFlight<ArchivePointer> flights;
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> fetches{0};

  // It is inside the store's directory so that ArchiveStore::open() removes what a crashed process left in it.
  [[nodiscard]] fs::path scratch() const { return options.directory / "work"; }

  Result<ArchivePointer> find_or_build(const Remote& remote, const GitUrl& url, const std::string& commit,
                                       const std::string& key, const std::stop_token& stop) {
    if (auto found = store->find(key)) {
      ++hits;
      return found;
    }
    ++fetches;
    const GitSessionOptions session{&options.policy, scratch(), &options.lookup, options.policy.fetch_timeout};
    const auto git = GitSession::open(remote, url, session, stop);
    RETURN_IF_ERROR(git);
    const RemoveAtEnd file{store->new_path()};
    auto built = build_archive(*git, commit, options.policy, file.path, stop);
    RETURN_IF_ERROR(built);
    return store->add(key, file.path, std::move(built->tree), std::move(built->warnings));
  }
};

ArchiveCache::ArchiveCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ArchiveCache::~ArchiveCache() = default;

Result<std::unique_ptr<ArchiveCache>> ArchiveCache::open(ArchiveCacheOptions options) {
  auto impl = std::make_unique<Impl>();
  auto store =
      ArchiveStore::open(options.directory, {options.max_bytes, options.max_archives, options.max_index_bytes});
  if (!store) return fail_in("open the source cache", store.error());
  impl->store = std::move(*store);
  impl->options = std::move(options);
  return std::unique_ptr<ArchiveCache>(new ArchiveCache(std::move(impl)));
}

Result<ArchivePointer> ArchiveCache::fetch(const Remote& remote, const std::string& commit, std::stop_token stop) {
  RETURN_IF_ERROR(check_commit(commit));
  const auto url = parse_git_url(remote.url, impl_->options.policy);
  RETURN_IF_ERROR(url);
  std::string id = commit;
  std::ranges::transform(id, id.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string key = cache_key(remote, url->text(), id);
  return shortened(impl_->flights.run(key, stop, [&] { return impl_->find_or_build(remote, *url, id, key, stop); }));
}

ArchiveCache::Stats ArchiveCache::stats() const {
  const auto usage = impl_->store->usage();
  return {usage.bytes, usage.archives, impl_->hits, impl_->fetches, usage.evictions, usage.index_bytes};
}

}  // namespace modelrun::source
