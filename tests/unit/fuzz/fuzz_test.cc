// Runs each target of tests/fuzz over its corpus and over a fixed number of mutations of it, always the same. hack/fuzz
// searches for longer, and guided by coverage. An input at which the program ends is left in the working directory.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

// FUZZ_TARGETS is X(name) for each target.
#define X(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
FUZZ_TARGETS
#undef X

namespace {

using Target = int (*)(const std::uint8_t*, std::size_t);

constexpr int kMutations = 1000;  // of each target
constexpr std::size_t kMaxBytes = 4096;

std::string input_now;
std::string finding_path;

// Only system calls: the program is about to end.
void keep_input() {
  const int file = ::open(finding_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (::write(file, input_now.data(), input_now.size()) < 0) return;
  constexpr std::string_view kBefore = "the input is kept as ";
  (void)!::write(STDERR_FILENO, kBefore.data(), kBefore.size());
  (void)!::write(STDERR_FILENO, finding_path.data(), finding_path.size());
  (void)!::write(STDERR_FILENO, "\n", 1);
}

void run(Target target, std::string input) {
  input_now = std::move(input);
  // A copy of exactly this size, so that reading past its end is noticed.
  const std::vector<std::uint8_t> bytes(input_now.begin(), input_now.end());
  target(bytes.data(), bytes.size());
}

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  std::string next() {
    auto text = corpus_[below(corpus_.size())];
    for (auto left = 1 + below(4); left > 0; --left) mutate(text);
    if (text.size() > kMaxBytes) text.resize(kMaxBytes);
    return text;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

  void mutate(std::string& text) {
    const auto at = below(text.size() + 1);
    const auto count = std::min(text.size() - at, 1 + below(16));
    switch (below(7)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(random_());
        break;
      case 2:
        text.erase(at, count);
        break;
      case 3:  // the same again, elsewhere
        text.insert(below(text.size() + 1), text.substr(at, count));
        break;
      case 4:
        text.insert(at, std::string_view(kWords[below(std::size(kWords))]));
        break;
      case 5: {  // a part of another input
        const auto& other = corpus_[below(corpus_.size())];
        text.insert(at, other.substr(below(other.size() + 1), 1 + below(64)));
        break;
      }
      default:
        text.resize(at);
    }
  }

  // What parsers treat in a way of its own.
  static constexpr std::string_view kWords[] = {"\"",    "\\",
                                                "{",     "}",
                                                "[",     "]",
                                                ",",     ":",
                                                "\n",    "\r\n",
                                                "\t",    "..",
                                                "/",     "//",
                                                "%00",   "%",
                                                "-1",    "18446744073709551616",
                                                "1e999", "null",
                                                "\xff",  "\xe2\x80\xa8",
                                                "\x1b[", "\xef\xbb\xbf"};

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_;
};

void run_target(Target target, const std::string& name) {
  finding_path = "finding-" + name;
  __sanitizer_set_death_callback(keep_input);
  std::signal(SIGABRT, [](int) {
    keep_input();
    std::signal(SIGABRT, SIG_DFL);
    std::raise(SIGABRT);
  });
  const auto corpus = read_corpus(std::filesystem::path(FUZZ_CORPUS) / name);
  ASSERT_FALSE(corpus.empty()) << "tests/fuzz/corpus/" << name << " has no file";
  run(target, "");
  for (const auto& input : corpus) run(target, input);
  Mutator mutator(corpus, 1);
  for (int left = kMutations; left > 0; --left) run(target, mutator.next());
}

// An exception that a target lets through is a finding, too: GoogleTest would catch it.
void run_target_noexcept(Target target, const std::string& name) noexcept {
  run_target(target, name);
}

}  // namespace

#define X(name)                              \
  TEST(Fuzz, name) {                         \
    run_target_noexcept(fuzz_##name, #name); \
  }
FUZZ_TARGETS
#undef X
