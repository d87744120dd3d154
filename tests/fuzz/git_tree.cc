// What git prints about a repository: the list of a tree, and the blobs. The input is the list, two line feeds, the
// targets of its symlinks, a line each, two line feeds, and the output of `git cat-file --batch`.
#include "fuzz/fuzz.h"

#include "source/git/blob_reader.h"
#include "source/git/tree_reader.h"
#include "source/listing.h"

namespace {

using namespace modelrun;
using namespace modelrun::source;

std::string_view take_part(std::string_view& rest) {
  const auto at = rest.find("\n\n");
  const auto part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 2);
  return part;
}

std::string describe(const Tree& tree) {
  std::string text;
  for (const auto& [path, node] : tree.nodes()) {
    text += fmt::format("{} {} {} {}\n", path, static_cast<int>(node.kind), node.size, node.object_id);
  }
  return text;
}

// Feeds `pieces`, and says what came of it; `error` is then what went wrong.
std::string read(TreeReader& reader, const std::vector<std::string_view>& pieces, bool& failed) {
  for (const auto piece : pieces) {
    if (const auto fed = reader.feed(piece); !fed) return failed = true, fed.error().message;
  }
  if (const auto finished = reader.finish(); !finished) return failed = true, finished.error().message;
  return describe(reader.tree());
}

void check_blobs(Tree& tree, std::string_view output) {
  std::vector<BlobReader::Entry*> entries;
  std::uint64_t announced = 0;
  for (auto& entry : tree.nodes()) {
    if (entry.second.kind == NodeKind::kDirectory) continue;
    entries.push_back(&entry);
    announced += entry.second.size;
  }
  std::uint64_t received = 0;
  BlobReader blobs(entries, {.begin = [](BlobReader::Entry&) -> Result<void> { return {}; },
                             .data = [&](BlobReader::Entry&, std::string_view bytes) -> Result<void> {
                               received += bytes.size();
                               return {};
                             },
                             .end = [](BlobReader::Entry&) -> Result<void> { return {}; }});
  for (const auto piece : fuzz::pieces_of(output)) {
    if (const auto fed = blobs.feed(piece); !fed) return;
  }
  if (blobs.finish()) fuzz::expect(received == announced, "the blobs have the sizes that were announced");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto list = take_part(rest);
  auto targets = take_part(rest);
  Policy policy;
  policy.max_files = 50;
  policy.max_tree_bytes = 1U << 20U;
  TreeReader whole(policy);
  TreeReader pieces(policy);
  bool failed = false;
  bool failed_too = false;
  const auto a = read(whole, {list}, failed);
  const auto b = read(pieces, fuzz::pieces_of(list), failed_too);
  fuzz::expect(failed == failed_too && a == b, "pieces of a tree give the same as the whole");
  if (failed) {
    fuzz::expect(fuzz::is_printable(a), "the error is printable");
    return 0;
  }
  auto& tree = whole.tree();
  fuzz::expect(tree.file_count() <= policy.max_files, "a tree keeps its limits");
  for (auto& [path, node] : tree.nodes()) {
    fuzz::expect(check_tree_path(path).has_value() && fuzz::is_utf8(path), "the paths are safe");
    if (node.kind == NodeKind::kSymlink) node.target = fuzz::take_until(targets, '\n');
  }
  const auto checked = tree.check_symlinks();
  fuzz::expect(checked || fuzz::is_printable(checked.error().message), "the error is printable");
  for (const auto& [path, node] : tree.nodes()) {
    const auto target = tree.follow(path);
    fuzz::expect(!target.is_file || !target.directory, "a path leads to a file or to a directory");
    if (target.directory && !target.directory->empty()) {
      const auto found = tree.nodes().find(*target.directory);
      fuzz::expect(found != tree.nodes().end() && found->second.kind == NodeKind::kDirectory, "it is a directory");
    }
  }
  check_blobs(tree, rest);

  static const auto kListing = fuzz::scratch() / "listing";
  fuzz::write_whole(kListing, rest);
  fuzz::expect(listing_contains(kListing, "a/b/c").has_value(), "a listing can be read");
  const bool sealed = is_sealed(kListing, "digest");
  fuzz::expect(!sealed, "nobody can guess a seal");
  fuzz::expect(seal_listing(kListing, "digest") && is_sealed(kListing, "digest"), "a sealed listing is sealed");
  return 0;
}
