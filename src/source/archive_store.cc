#include "source/archive_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <system_error>
#include <vector>

#include "base/mutex.h"
#include "source/files.h"

namespace modelrun::source {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kDigits = 64;
constexpr std::string_view kSuffix = ".tar.gz";
constexpr std::string_view kListingSuffix = ".files";

bool is_digest(std::string_view text) {
  return text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct FileName {
  std::string key;
  std::string sha256;
};

std::optional<FileName> parse_name(const std::string& name) {
  if (name.size() != 2 * kDigits + 1 + kSuffix.size() || name[kDigits] != '-' || !name.ends_with(kSuffix)) return {};
  FileName parsed{name.substr(0, kDigits), name.substr(kDigits + 1, kDigits)};
  if (!is_digest(parsed.key) || !is_digest(parsed.sha256)) return {};
  return parsed;
}

void remove_file(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

std::optional<std::uint64_t> regular_size(const fs::path& path) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() != fs::file_type::regular) return std::nullopt;
  const auto size = fs::file_size(path, error);
  return error ? std::nullopt : std::optional(size);
}

}  // namespace

Result<std::unique_ptr<ArchiveStore>> ArchiveStore::open(fs::path directory, Limits limits) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return std::unexpected(errno_error("make the directory " + directory.string(), error.value()));
  std::unique_ptr<ArchiveStore> store(new ArchiveStore(std::move(directory), limits));
  RETURN_IF_ERROR(store->take_over());
  return store;
}

Result<void> ArchiveStore::take_over() {
  const MutexLock lock(mutex_);
  struct Found {
    Entry entry;
    fs::file_time_type used;
  };
  std::vector<Found> found;
  std::set<fs::path> kept;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(directory_, error)) {
    const auto name = parse_name(file.path().filename().string());
    if (!name) continue;
    const auto files = files_of(name->key, name->sha256);
    const auto archive = regular_size(files.archive);
    const auto listing = regular_size(files.listing);
    if (!archive || !listing) continue;
    std::error_code no_time;
    const auto used = file.last_write_time(no_time);
    found.push_back({Entry{name->key, name->sha256, *archive, *listing, false, {}}, used});
    kept.insert({files.archive, files.listing});
  }
  if (error) return std::unexpected(errno_error("read the directory " + directory_.string(), error.value()));
  std::vector<fs::path> others;
  for (const auto& file : fs::directory_iterator(directory_, error)) {
    if (!kept.contains(file.path())) others.push_back(file.path());
  }
  for (const auto& path : others) remove_file(path);
  std::ranges::sort(found, {}, &Found::used);
  for (auto& file : found) insert(std::move(file.entry));
  evict();
  return {};
}

ArchiveFiles ArchiveStore::files_of(const std::string& key, const std::string& sha256) const {
  const auto name = fmt::format("{}-{}", key, sha256);
  return {directory_ / fmt::format("{}{}", name, kSuffix), directory_ / fmt::format("{}{}", name, kListingSuffix)};
}

// mutex_ must be held.
std::shared_ptr<const Archive> ArchiveStore::hand_out(Entry& entry) const {
  if (auto held = entry.holders.lock()) return held;
  auto archive =
      std::make_shared<const Archive>(files_of(entry.key, entry.sha256), FileDigest{entry.sha256, entry.archive_bytes});
  entry.holders = archive;
  return archive;
}

std::shared_ptr<const Archive> ArchiveStore::find(const std::string& key) {
  std::string sha256;
  {
    const MutexLock lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    if (found->second->checked) return hand_out(*found->second);
    sha256 = found->second->sha256;
  }
  // The lock is not held here because the whole file is read.
  const auto files = files_of(key, sha256);
  const auto digest = digest_file(files.archive);
  const bool sealed = is_sealed(files.listing, sha256);
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || found->second->sha256 != sha256) return nullptr;  // evicted or replaced meanwhile
  if (!digest || digest->sha256 != sha256 || !sealed) {
    remove(found->second);
    return nullptr;
  }
  found->second->checked = true;
  std::error_code ignored;
  fs::last_write_time(files.archive, fs::file_time_type::clock::now(), ignored);
  return hand_out(*found->second);
}

ArchiveFiles ArchiveStore::new_files() {
  const MutexLock lock(mutex_);
  const auto name = fmt::format("new-{}", ++new_files_);
  return {directory_ / name, directory_ / (name + "-files")};
}

Result<std::shared_ptr<const Archive>> ArchiveStore::add(const std::string& key, const ArchiveFiles& files,
                                                         const FileDigest& digest) {
  const auto to = files_of(key, digest.sha256);
  RETURN_IF_ERROR(seal_listing(files.listing, digest.sha256));
  const MutexLock lock(mutex_);
  if (const auto old = by_key_.find(key); old != by_key_.end()) remove(old->second);
  const auto listing_bytes = regular_size(files.listing).value_or(0);
  std::error_code error;
  fs::rename(files.listing, to.listing, error);
  if (!error) fs::rename(files.archive, to.archive, error);
  if (error) return std::unexpected(own_failure("rename the archive to " + to.archive.string(), error.value()));
  insert(Entry{key, digest.sha256, digest.bytes, listing_bytes, true, {}});
  auto archive = hand_out(entries_.front());
  evict();
  return archive;
}

void ArchiveStore::insert(Entry entry) {
  if (const auto old = by_key_.find(entry.key); old != by_key_.end()) remove(old->second);
  bytes_ += entry.archive_bytes + entry.listing_bytes;
  entries_.push_front(std::move(entry));
  by_key_[entries_.front().key] = entries_.begin();
}

void ArchiveStore::remove(Entries::iterator entry) {
  bytes_ -= entry->archive_bytes + entry->listing_bytes;
  by_key_.erase(entry->key);
  const auto files = files_of(entry->key, entry->sha256);
  remove_file(files.archive);
  remove_file(files.listing);
  entries_.erase(entry);
}

// An archive that somebody holds is being served and stays. Nobody can begin to hold one meanwhile, because find() and
// add() need mutex_.
void ArchiveStore::evict() {
  auto entry = entries_.end();
  while (entry != entries_.begin() && (bytes_ > limits_.max_bytes || entries_.size() > limits_.max_archives)) {
    const auto candidate = std::prev(entry);
    if (!candidate->holders.expired()) {
      entry = candidate;
      continue;
    }
    remove(candidate);
  }
}

}  // namespace modelrun::source
