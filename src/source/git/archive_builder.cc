#include "source/git/archive_builder.h"

#include "source/files.h"
#include "source/git/blob_reader.h"
#include "source/git/tar_file.h"
#include "source/git/tree_reader.h"
#include "source/listing.h"

namespace modelrun::source {
namespace {

const Sink kIgnore = [](std::string_view) -> Result<void> { return {}; };

std::vector<std::string> fetch_arguments(const GitSession& git) {
  return {"fetch",
          "--quiet",
          "--no-tags",
          "--no-recurse-submodules",
          "--no-write-fetch-head",
          "--no-auto-maintenance",
          "--force",
          "--end-of-options",
          git.url()};
}

// Some servers refuse a commit that no branch points to. In that case all branches are fetched with their history,
// within the same limits, because the commit may be in the history of one of them.
Result<void> fetch_all_branches(const GitSession& git, const std::stop_token& stop) {
  auto arguments = fetch_arguments(git);
  arguments.emplace_back("+refs/heads/*:refs/remotes/origin/*");
  return git.remote_command(std::move(arguments), kIgnore, stop);
}

Result<void> check_is_commit(const GitSession& git, const std::string& commit, const std::stop_token& stop) {
  std::string type;
  const Sink sink = [&type](std::string_view bytes) -> Result<void> {
    type += bytes;
    return {};
  };
  if (auto ran = git.local_command({"cat-file", "-t", commit}, {}, sink, stop); !ran) {
    if (ran.error().kind == ErrorKind::kCancelled || ran.error().kind == ErrorKind::kTimeout) return ran;
    return fail(ErrorKind::kNotFound, "{}: the commit {} is on none of its branches", git.url(), commit);
  }
  if (type == "commit\n") return {};
  return fail(ErrorKind::kNotFound, "{}: {} is not the id of a commit", git.url(), commit);
}

Result<void> fetch_commit(const GitSession& git, const std::string& commit, const std::stop_token& stop) {
  RETURN_IF_ERROR(git.make_repository(commit.size() == 64));
  auto arguments = fetch_arguments(git);
  arguments.insert(arguments.begin() + 1, "--depth=1");
  arguments.push_back(commit);
  bool unadvertised = false;
  if (auto fetched = git.remote_command(std::move(arguments), kIgnore, stop, &unadvertised); !fetched) {
    if (!unadvertised) return fetched;
    RETURN_IF_ERROR(fetch_all_branches(git, stop));
  }
  return check_is_commit(git, commit, stop);
}

Result<void> read_blobs(const GitSession& git, BlobReader& reader, const std::stop_token& stop) {
  const std::string questions = reader.questions();
  if (questions.empty()) return {};
  const Sink sink = [&reader](std::string_view bytes) { return reader.feed(bytes); };
  if (auto ran = git.local_command({"cat-file", "--batch", "--buffer"}, questions, sink, stop); !ran) return ran;
  return reader.finish();
}

Result<void> read_symlinks(const GitSession& git, Tree& tree, const std::stop_token& stop) {
  std::vector<BlobReader::Entry*> links;
  for (auto& entry : tree.nodes()) {
    if (entry.second.kind == NodeKind::kSymlink) links.push_back(&entry);
  }
  using Entry = BlobReader::Entry;
  BlobReader reader(std::move(links), {.begin = [](Entry&) -> Result<void> { return {}; },
                                       .data = [](Entry& entry, std::string_view bytes) -> Result<void> {
                                         entry.second.target += bytes;
                                         return {};
                                       },
                                       .end = [](Entry& entry) -> Result<void> {
                                         const std::string& target = entry.second.target;
                                         if (target.find('\0') == std::string::npos) return {};
                                         return fail(ErrorKind::kDenied,
                                                     "the commit is refused: the symlink {} has a NUL in its target",
                                                     printable_path(entry.first));
                                       }});
  RETURN_IF_ERROR(read_blobs(git, reader, stop));
  return tree.check_symlinks();
}

// Finds the first file that is a pointer of Git LFS. Such a file is small, and begins with the version of the
// specification of pointers (github.com/git-lfs/git-lfs, docs/spec.md).
class PointerFinder {
 public:
  void begin() { start_.clear(); }
  void data(const Node& node, std::string_view bytes) {
    if (node.size <= kMostBytes && found_.empty())
      start_ += bytes.substr(0, kStart.size() - std::min(kStart.size(), start_.size()));
  }
  void end(const std::string& path) {
    if (found_.empty() && start_ == kStart) found_ = path;
  }
  [[nodiscard]] const std::string& found() const { return found_; }

 private:
  static constexpr std::string_view kStart = "version https://git-lfs.github.com/spec/";
  static constexpr std::uint64_t kMostBytes = 1024;
  std::string start_;
  std::string found_;
};

// `git cat-file` returns the contents of the files in the order of the tree. Entries without content (directories and
// symlinks) are written between them, so that the archive is sorted by path. Returns the path of the first pointer of
// Git LFS, if there is one.
Result<std::string> write_tar(const GitSession& git, Tree& tree, const std::filesystem::path& target,
                              const std::stop_token& stop) {
  auto writer = TarWriter::create(target);
  RETURN_IF_ERROR(writer);
  auto next = tree.nodes().begin();
  const auto is_file = [](const Node& node) {
    return node.kind == NodeKind::kFile || node.kind == NodeKind::kExecutable;
  };
  const auto write_until_file = [&]() -> Result<void> {
    for (; next != tree.nodes().end() && !is_file(next->second); ++next) {
      RETURN_IF_ERROR(writer->add(next->first, next->second));
    }
    return {};
  };
  std::vector<BlobReader::Entry*> files;
  for (auto& entry : tree.nodes()) {
    if (is_file(entry.second)) files.push_back(&entry);
  }
  using Entry = BlobReader::Entry;
  PointerFinder pointers;
  BlobReader reader(std::move(files), {.begin = [&](Entry& entry) -> Result<void> {
                                         RETURN_IF_ERROR(write_until_file());
                                         ++next;
                                         pointers.begin();
                                         return writer->add(entry.first, entry.second);
                                       },
                                       .data =
                                           [&](Entry& entry, std::string_view bytes) {
                                             pointers.data(entry.second, bytes);
                                             return writer->write_data(bytes);
                                           },
                                       .end = [&](Entry& entry) -> Result<void> {
                                         pointers.end(entry.first);
                                         return {};
                                       }});
  RETURN_IF_ERROR(read_blobs(git, reader, stop));
  RETURN_IF_ERROR(write_until_file());
  RETURN_IF_ERROR(writer->close());
  return pointers.found();
}

// Writes the listing (listing.h) of the tree.
Result<void> write_listing(const Tree& tree, const Placeholders& placeholders, const std::filesystem::path& path) {
  std::string text = placeholder_lines(placeholders);
  for (const auto& [name, node] : tree.nodes()) {
    if (node.kind == NodeKind::kDirectory) continue;
    const auto target = tree.follow(name);
    if (target.is_file) text += name + "\n";
    if (target.directory) text += fmt::format("{}/\t{}\n", name, *target.directory);
    if (text.size() > kMaxListingBytes) {
      return fail(ErrorKind::kTooLarge, "the commit's symlinks to directories have too long paths together");
    }
  }
  return write_file(path, text);
}

}  // namespace

Result<void> build_archive(const GitSession& git, const std::string& commit, const Policy& policy,
                           const ArchiveFiles& files, const std::stop_token& stop) {
  RETURN_IF_ERROR(fetch_commit(git, commit, stop));
  TreeReader reader(policy);
  const Sink sink = [&reader](std::string_view bytes) { return reader.feed(bytes); };
  // -t lists directories too, so that TreeReader can count them. Otherwise a commit of many nested empty trees would
  // exceed no limit, and git would list them until it runs out of memory.
  auto listed = git.local_command({"ls-tree", "-r", "-t", "-z", "-l", "--full-tree", commit}, {}, sink, stop);
  if (listed) listed = reader.finish();
  RETURN_IF_ERROR(listed);
  Tree& tree = reader.tree();
  RETURN_IF_ERROR(read_symlinks(git, tree, stop));
  auto pointer = write_tar(git, tree, files.archive, stop);
  RETURN_IF_ERROR(pointer);
  return write_listing(tree, {.submodule = reader.submodule(), .lfs_pointer = std::move(*pointer)}, files.listing);
}

}  // namespace modelrun::source
