#include "source/archive_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "base/mutex.h"
#include "source/scratch.h"
#include "source/tar_file.h"

namespace modelrun::source {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kDigits = 64;
constexpr std::string_view kSuffix = ".tar.gz";

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
  std::error_code error;
  for (const auto& file : fs::directory_iterator(directory_, error)) {
    std::error_code file_error;
    const auto name = parse_name(file.path().filename().string());
    const bool regular = file.symlink_status(file_error).type() == fs::file_type::regular;
    if (!name || !regular) {
      remove_file(file.path());
      continue;
    }
    const auto size = file.file_size(file_error);
    found.push_back({Entry{name->key, file.path(), name->sha256, file_error ? 0 : size, nullptr},
                     file.last_write_time(file_error)});
  }
  if (error) return std::unexpected(errno_error("read the directory " + directory_.string(), error.value()));
  std::ranges::sort(found, {}, &Found::used);
  for (auto& file : found) insert(std::move(file.entry));
  evict();
  return {};
}

std::shared_ptr<const Archive> ArchiveStore::load(const Entry& entry) const {
  const auto digest = digest_file(entry.path);
  if (!digest || digest->sha256 != entry.sha256) return nullptr;
  auto tree = read_tar_tree(entry.path);
  if (!tree) return nullptr;
  return std::make_shared<const Archive>(entry.path, entry.sha256, digest->bytes, std::move(*tree),
                                         std::vector<std::string>{});
}

std::shared_ptr<const Archive> ArchiveStore::find(const std::string& key) {
  Entry entry;
  {
    const MutexLock lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    if (found->second->archive) return found->second->archive;
    entry = *found->second;
  }
  // The lock is not held here because load() reads the whole file.
  auto archive = load(entry);
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;  // evicted meanwhile
  if (!archive) {
    remove(found->second);
    return nullptr;
  }
  keep_index(*found->second, archive);
  std::error_code ignored;
  fs::last_write_time(entry.path, fs::file_time_type::clock::now(), ignored);
  return archive;
}

fs::path ArchiveStore::new_path() {
  const MutexLock lock(mutex_);
  return directory_ / fmt::format("new-{}", ++new_files_);
}

Result<std::shared_ptr<const Archive>> ArchiveStore::add(const std::string& key, const fs::path& file, Tree tree,
                                                         std::vector<std::string> warnings) {
  const auto digest = digest_file(file);
  RETURN_IF_ERROR(digest);
  const fs::path path = directory_ / fmt::format("{}-{}{}", key, digest->sha256, kSuffix);
  const MutexLock lock(mutex_);
  if (const auto old = by_key_.find(key); old != by_key_.end()) remove(old->second);
  std::error_code error;
  fs::rename(file, path, error);
  if (error) return std::unexpected(errno_error("rename the archive to " + path.string(), error.value()));
  auto archive =
      std::make_shared<const Archive>(path, digest->sha256, digest->bytes, std::move(tree), std::move(warnings));
  insert(Entry{key, path, digest->sha256, digest->bytes, nullptr});
  keep_index(entries_.front(), archive);
  evict();
  return archive;
}

void ArchiveStore::insert(Entry entry) {
  if (const auto old = by_key_.find(entry.key); old != by_key_.end()) remove(old->second);
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  by_key_[entries_.front().key] = entries_.begin();
}

void ArchiveStore::remove(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  if (entry->archive) index_bytes_ -= entry->archive->index_bytes();
  by_key_.erase(entry->key);
  remove_file(entry->path);
  entries_.erase(entry);
}

// An archive that somebody else holds (a use count above 1) is being served and stays. The count of an archive that
// only the store holds cannot grow meanwhile, because find() and add() need mutex_.
void ArchiveStore::evict() {
  auto entry = entries_.end();
  while (entry != entries_.begin() && (bytes_ > limits_.max_bytes || entries_.size() > limits_.max_archives)) {
    const auto candidate = std::prev(entry);
    if (candidate->archive && candidate->archive.use_count() > 1) {
      entry = candidate;
      continue;
    }
    remove(candidate);
    ++evictions_;
  }
}

void ArchiveStore::keep_index(Entry& entry, std::shared_ptr<const Archive> archive) {
  index_bytes_ += archive->index_bytes();
  entry.archive = std::move(archive);
  drop_indexes();
}

// Drops the indexes of the least recently used archives that nobody holds, as evict() does with the files.
void ArchiveStore::drop_indexes() {
  for (auto entry = entries_.rbegin(); entry != entries_.rend() && index_bytes_ > limits_.max_index_bytes; ++entry) {
    if (!entry->archive || entry->archive.use_count() > 1) continue;
    index_bytes_ -= entry->archive->index_bytes();
    entry->archive.reset();
  }
}

ArchiveStore::Usage ArchiveStore::usage() const {
  const MutexLock lock(mutex_);
  return {bytes_, entries_.size(), evictions_, index_bytes_};
}

}  // namespace modelrun::source
