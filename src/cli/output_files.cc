#include "cli/output_files.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

namespace modelrun::cli {

Result<void> write_output(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return std::unexpected(errno_error("make the folder " + path.parent_path().string(), error.value()));
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes << std::flush;
  if (!file) return std::unexpected(errno_error("write " + path.string(), errno));
  return {};
}

Result<std::filesystem::path> path_below(const std::filesystem::path& folder, const std::string& name) {
  const std::filesystem::path path(name);
  const bool leaves = std::ranges::any_of(path, [](const auto& part) { return part == ".." || part == "."; });
  if (name.empty() || path.is_absolute() || leaves || name == kOutputsFile) {
    return fail(ErrorKind::kInvalid,
                "artifact '{}' is not written: its name does not stay below {}, or is taken by the outputs", name,
                folder.string());
  }
  return folder / path;
}

}  // namespace modelrun::cli
