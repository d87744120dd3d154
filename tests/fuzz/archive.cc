// The source's archive, as the agent unpacks it: whatever it holds, nothing outside of the root changes. An input that
// is not gzip is taken as the tar in it, which a mutation reaches more easily.
#include <algorithm>
#include <cstring>

#include "fuzz/fuzz.h"

#include "base/encoding.h"
#include "base/printable.h"
#include "sandbox/extract.h"

namespace {

using namespace modelrun;
namespace fs = std::filesystem;

// Regular files, directories and links only, whose modes are those of the header of extract.h.
void check_below(const fs::path& root) {
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto status = entry.symlink_status();
    const bool plain = fs::is_regular_file(status) || fs::is_directory(status) || fs::is_symlink(status);
    fuzz::expect(plain, "only files, directories and symbolic links are made");
    const auto special = fs::perms::set_uid | fs::perms::set_gid | fs::perms::sticky_bit;
    fuzz::expect((status.permissions() & special) == fs::perms::none || fs::is_symlink(status), "no special mode");
    fuzz::expect(!fs::is_regular_file(status) || entry.hard_link_count() == 1, "no file has two names");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fs::path kOuter = fuzz::scratch() / "archive";
  static const fs::path kRoot = kOuter / "a" / "root";
  fs::create_directories(kRoot);
  fuzz::write_whole(kOuter / "sentinel", "untouched");
  fs::permissions(kOuter / "sentinel", fs::perms::owner_read | fs::perms::owner_write);

  const auto text = fuzz::text_of(data, size);
  const std::string body(text.starts_with("\x1f\x8b") ? std::string(text) : gzip(text));
  std::string_view rest = body;
  const auto extracted = sandbox::extract_source(
      [&](std::span<char> into) -> Result<std::size_t> {
        const auto count = std::min(into.size(), rest.size());
        std::memcpy(into.data(), rest.data(), count);
        rest.remove_prefix(count);
        return count;
      },
      kRoot);
  if (extracted) {
    fuzz::expect(rest.empty() && extracted->sha256 == sha256_hex(body), "the digest is that of all bytes");
  } else {
    // The message quotes names of the archive: Relay cleans it.
    fuzz::expect(extracted.error().kind != ErrorKind::kUnavailable, "trying again would not help");
  }
  check_below(kRoot);
  std::size_t outside = 0;
  for (const auto& entry : fs::directory_iterator(kOuter)) outside += entry.exists() ? 1 : 0;
  for (const auto& entry : fs::directory_iterator(kOuter / "a")) outside += entry.exists() ? 1 : 0;
  fuzz::expect(outside == 3 && fs::file_size(kOuter / "sentinel") == 9, "nothing outside of the root changes");
  fuzz::expect(sandbox::empty_directory(kRoot).has_value() && fs::is_empty(kRoot), "what was unpacked can be removed");
  return 0;
}
