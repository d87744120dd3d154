#include "api/exit_words.h"

#include <fmt/format.h>

#include <csignal>
#include <cstring>

namespace modelrun::api {

std::optional<int> shell_code(const ExitRecord& exit) {
  if (exit.code) return exit.code;
  return exit.signal ? std::optional(128 + *exit.signal) : std::nullopt;
}

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

std::string exit_words(int code, std::string_view told) {
  if (told.empty()) return fmt::format("the model exited with code {}; see stderr", code);
  return fmt::format("the model exited with code {}: {}", code, told);
}

std::string signal_words(int signal) {
  return fmt::format("the model was killed by {}", signal_name(signal));
}

std::string timeout_words(std::chrono::seconds timeout) {
  return fmt::format("the model ran longer than {} s and was ended", timeout.count());
}

bool ran_out_of_memory(const ExitRecord& exit) {
  return exit.signal == SIGKILL && exit.oom_kills > 0;
}

}  // namespace modelrun::api
