// What a model leaves in /outputs, with the messages of the harness in .modelrun/. The input is a list of files: a
// path, a line feed, the contents and a NUL.
#include "fuzz/fuzz.h"

#include "api/json_text.h"
#include "sandbox/collect.h"
#include "sandbox/json_members.h"

namespace {

using namespace modelrun;
namespace fs = std::filesystem;

void make_files(const fs::path& root, std::string_view input) {
  fs::create_directories(root);
  for (int left = 24; left > 0 && !input.empty(); --left) {
    auto file = fuzz::take_until(input, '\0');
    const fs::path path = fs::path(fuzz::take_until(file, '\n')).lexically_normal();
    if (path.empty() || path.is_absolute() || *path.begin() == ".." || !path.has_filename()) continue;
    if (path.native().size() > 200) continue;
    std::error_code failed;
    fs::create_directories((root / path).parent_path(), failed);
    if (failed || fs::exists(root / path, failed) || failed) continue;
    fuzz::write_whole(root / path, file);
  }
}

void check_outputs(const std::string& outputs) {
  const auto compact = api::compact_strict(outputs, {.max_depth = 1000});
  fuzz::expect(compact && compact->text() == outputs, "the outputs are compact, strict JSON");
  fuzz::expect(outputs.starts_with('{'), "the outputs are an object");
  for (const auto& member : sandbox::members_of(outputs)) {
    const auto key = sandbox::text_of_json_string(member.key);
    fuzz::expect(sandbox::json_string(key) == member.key, "a key is a JSON string");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fs::path kRoot = fuzz::scratch() / "outputs";
  fs::remove_all(kRoot);
  make_files(kRoot, fuzz::text_of(data, size));
  sandbox::CollectLimits limits;
  limits.outputs.bytes = 1024;
  limits.artifacts.bytes = 1024;
  const auto collected = sandbox::collect_outputs(kRoot, limits);
  if (collected.outputs) {
    fuzz::expect(collected.outputs->size() <= limits.outputs.bytes, "the outputs keep their limit");
    check_outputs(*collected.outputs);
  }
  if (collected.error) {
    fuzz::expect(collected.error->message.size() <= 1000, "the error keeps its limit");
    fuzz::expect(fuzz::is_printable(collected.error->message), "the error is printable");
    fuzz::expect(fuzz::is_printable(collected.error->reason), "the reason is printable");
  }
  fuzz::expect(collected.warning.size() <= 1024 && fuzz::is_printable(collected.warning), "the warning is printable");
  std::size_t bytes = 0;
  for (const auto& artifact : collected.artifacts) {
    bytes += artifact.bytes ? artifact.bytes->size() : 0;
    fuzz::expect(!artifact.bytes || api::contents_of(artifact).has_value(), "what is kept can be read");
    fuzz::expect(fuzz::is_utf8(artifact.name), "the name of an artifact is UTF-8");
  }
  fuzz::expect(bytes <= limits.artifacts.bytes, "the artifacts keep their limit");
  fuzz::expect(fuzz::is_printable(collected.artifact_loss), "what is lost is printable");
  return 0;
}
