// A kubeconfig.
#include "fuzz/fuzz.h"

#include "kube/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  const auto text = fuzz::text_of(data, size);
  // A mutated path must not name a file that has no end, or that waits for a writer.
  if (text.find("/dev") != std::string_view::npos || text.find("/proc") != std::string_view::npos) return 0;
  static const auto kFile = fuzz::scratch() / "kubeconfig";
  fuzz::write_whole(kFile, text);
  if (const auto config = kube::load_kubeconfig(kFile.native(), "")) {
    fuzz::expect(!config->server.empty(), "there is a server");
    fuzz::expect(!config->exec || !config->exec->command.empty(), "a plugin has a command");
  } else {
    const auto kind = config.error().kind;
    fuzz::expect(!config.error().message.empty() && kind != ErrorKind::kInternal, "an error says what is wrong");
  }
  return 0;
}
