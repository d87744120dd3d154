#include "source/archive_cache.h"

#include "base/text.h"
#include "source/archive_store.h"
#include "source/cache_key.h"
#include "source/message.h"
#include "source/ref.h"
#include "source/single_flight.h"
#include "source/url.h"

namespace modelrun::source {

namespace fs = std::filesystem;
using ArchivePtr = ArchiveCache::ArchivePtr;

namespace {

// Removes half-written files when the work fails. After success ArchiveStore::add() has renamed the files, so that
// there is nothing to remove.
struct RemoveAtEnd {
  ArchiveFiles files;
  ~RemoveAtEnd() {
    std::error_code ignored;
    fs::remove(files.archive, ignored);
    fs::remove(files.listing, ignored);
  }
};

// The errors of ArchiveStore have not been through safe_message() yet.
Result<ArchivePtr> shortened(Result<ArchivePtr> result) {
  if (!result) result.error().message = safe_message(result.error().message, {});
  return result;
}

}  // namespace

struct ArchiveCache::Impl {
  ArchiveCacheOptions options;
  std::unique_ptr<ArchiveStore> store;
  SingleFlight<ArchivePtr> flights;

  Result<std::string> key_of(const Remote& remote, const std::string& commit) const {
    RETURN_IF_ERROR(check_commit(commit));
    const auto url = parse_git_url(remote.url, options.policy);
    RETURN_IF_ERROR(url);
    return cache_key(remote, url->text(), ascii_lower(commit));
  }

  Result<ArchivePtr> find_or_fetch(const Remote& remote, const std::string& commit, const std::string& key,
                                   const std::stop_token& stop) {
    if (auto found = store->find(key)) return found;
    const RemoveAtEnd work{store->new_files()};
    const auto fetched = options.fetcher->fetch(remote, commit, work.files, stop);
    RETURN_IF_ERROR(fetched);
    return store->add(key, work.files, *fetched);
  }
};

ArchiveCache::ArchiveCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ArchiveCache::~ArchiveCache() = default;

Result<std::unique_ptr<ArchiveCache>> ArchiveCache::open(ArchiveCacheOptions options) {
  auto impl = std::make_unique<Impl>();
  auto store = ArchiveStore::open(options.directory, {options.max_bytes, options.max_archives});
  if (!store) return fail_in("open the source cache", store.error());
  impl->store = std::move(*store);
  impl->options = std::move(options);
  return std::unique_ptr<ArchiveCache>(new ArchiveCache(std::move(impl)));
}

Result<ArchivePtr> ArchiveCache::fetch(const Remote& remote, const std::string& commit, std::stop_token stop) {
  const auto key = impl_->key_of(remote, commit);
  RETURN_IF_ERROR(key);
  return shortened(
      impl_->flights.run(*key, stop, [&] { return impl_->find_or_fetch(remote, ascii_lower(commit), *key, stop); }));
}

ArchivePtr ArchiveCache::find(const Remote& remote, const std::string& commit) {
  const auto key = impl_->key_of(remote, commit);
  return key ? impl_->store->find(*key) : nullptr;
}

}  // namespace modelrun::source
