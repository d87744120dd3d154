#include "sandbox/output_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/printable.h"
#include "sandbox/beneath.h"

namespace modelrun::sandbox {
namespace {

constexpr std::size_t kMaxWarnings = 8;
constexpr std::size_t kMaxWarningBytes = 1024;
constexpr std::size_t kMaxPathBytes = 512;

std::string_view kind_of(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "not a plain file";
}

bool is_presentable(std::string_view name) {
  return printable(name) == name;
}

// A name for a warning.
std::string shown(std::string_view name) {
  return printable(name, 80);
}

struct DirCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirCloser>;

// Lists the files of a tree, depth first. It keeps the directories that are still to be read as paths below the root,
// so that it neither recurses nor holds a descriptor for each level.
class Walk {
 public:
  Walk(int root, const std::string& from, const WalkLimits& limits, Warnings& warnings)
      : root_(root), from_(from), limits_(limits), warnings_(warnings) {}

  Listing run() {
    todo_.push_back({from_, 0});
    while (!todo_.empty() && !cut_) {
      const auto [path, depth] = std::move(todo_.back());
      todo_.pop_back();
      read_directory(path, depth);
    }
    if (seen_ > limits_.entries) {
      warnings_.add(fmt::format("/outputs holds more than {} entries: the rest was passed over", limits_.entries));
    } else if (cut_) {
      warnings_.add(
          fmt::format("/outputs holds more than {} bytes of names: the rest was passed over", limits_.name_bytes));
    }
    out_.cut = out_.cut || cut_;
    std::ranges::sort(out_.files, {}, &OutputFile::path);
    return std::move(out_);
  }

 private:
  void read_directory(const std::string& path, int depth) {
    auto fd = open_beneath(root_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    if (!fd && path == from_ && fd.error().kind == ErrorKind::kNotFound) return;
    if (!fd) return pass_over(fmt::format("'{}' cannot be read", shown(path)));
    const Directory directory(::fdopendir(fd->get()));
    if (directory == nullptr) return;
    const int here = fd->release();
    while (const dirent* entry = ::readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || (path.empty() && name == ".modelrun")) continue;
      names_ += path.size() + name.size();
      if (++seen_ > limits_.entries || names_ > limits_.name_bytes) {
        cut_ = true;
        out_.outputs_cut = path == from_ || !from_.empty();
        return;
      }
      take(here, path.empty() ? name : fmt::format("{}/{}", path, name), name, depth);
    }
  }

  void pass_over(std::string warning) {
    out_.cut = true;
    warnings_.add(std::move(warning));
  }

  void take(int directory, const std::string& path, const std::string& name, int depth) {
    struct stat info{};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (!is_presentable(name) || path.size() > kMaxPathBytes) {
      pass_over(fmt::format(
          "'{}' was passed over: its name is too long, not UTF-8 or has characters that cannot be shown", shown(path)));
    } else if (S_ISDIR(info.st_mode)) {
      if (depth + 1 < limits_.depth) {
        todo_.push_back({path, depth + 1});
      } else {
        pass_over(fmt::format("'{}' was passed over: deeper than {} directories", path, limits_.depth));
      }
    } else if (!S_ISREG(info.st_mode)) {
      warnings_.add(fmt::format("'{}' was passed over: it is {}", path, kind_of(info.st_mode)));
    } else if (info.st_nlink != 1) {
      pass_over(fmt::format("'{}' was passed over: it is a hard link", path));
    } else {
      out_.files.push_back({path, static_cast<std::uint64_t>(info.st_size)});
    }
  }

  int root_;
  const std::string& from_;
  const WalkLimits& limits_;
  Warnings& warnings_;
  std::vector<std::pair<std::string, int>> todo_;
  Listing out_;
  bool cut_ = false;  // a limit was reached
  std::size_t seen_ = 0;
  std::size_t names_ = 0;  // bytes of the paths of all entries
};

}  // namespace

std::string printable_with(std::string_view text, const std::string& ending, std::size_t limit) {
  return printable(text, limit - std::min(limit, ending.size())) + ending;
}

void Warnings::add(std::string text) {
  if (texts_.size() < kMaxWarnings) {
    texts_.push_back(std::move(text));
  } else {
    ++more_;
  }
}

std::string Warnings::text() const {
  std::string out;
  for (const std::string& each : texts_) out += (out.empty() ? "" : "; ") + each;
  return printable_with(out, more_ > 0 ? fmt::format("; and {} more", more_) : "", kMaxWarningBytes);
}

Result<OutputTree> OutputTree::open(const std::string& root) {
  OutputTree tree;
  tree.root_.reset(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!tree.root_) return std::unexpected(errno_error("open " + root, errno));
  struct stat info{};
  if (::fstat(tree.root_.get(), &info) != 0) return std::unexpected(errno_error("stat " + root, errno));
  tree.device_ = info.st_dev;
  return tree;
}

Listing OutputTree::list(const WalkLimits& limits, Warnings& warnings, const std::string& below) const {
  return Walk(root_.get(), below, limits, warnings).run();
}

Result<UniqueFd> OutputTree::open_file(const std::string& path, std::uint64_t* size) const {
  // The file may have been replaced since it was listed. O_NONBLOCK: opening a FIFO must not block. O_NOCTTY: opening a
  // terminal must not make it our controlling terminal.
  auto fd = open_beneath(root_.get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  if (!fd) return fd;
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) return std::unexpected(errno_error("stat " + path, errno));
  if (!S_ISREG(info.st_mode)) return fail(ErrorKind::kInvalid, "{}: it is {}", path, kind_of(info.st_mode));
  if (info.st_nlink != 1) return fail(ErrorKind::kInvalid, "{}: it is a hard link", path);
  if (info.st_dev != device_) return fail(ErrorKind::kInvalid, "{}: on another file system", path);
  if (size != nullptr) *size = static_cast<std::uint64_t>(info.st_size);
  return fd;
}

Result<std::string> OutputTree::read(const std::string& path, std::size_t limit) const {
  std::uint64_t size = 0;
  const auto fd = open_file(path, &size);
  RETURN_IF_ERROR(fd);
  if (size > limit) return fail(ErrorKind::kTooLarge, "{}: {} bytes, at most {} are read", path, size, limit);
  std::string text;
  text.reserve(static_cast<std::size_t>(size));
  std::array<char, 16384> chunk;
  while (true) {
    const ssize_t got = ::read(fd->get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error("read " + path, errno));
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    // The file may have grown since fstat(2).
    if (text.size() > limit) return fail(ErrorKind::kTooLarge, "{}: at most {} bytes are read", path, limit);
  }
}

}  // namespace modelrun::sandbox
