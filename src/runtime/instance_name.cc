#include "runtime/instance_name.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace modelrun::runtime {

std::string instance_name(const std::string& fallback) {
  if (const char* pod = std::getenv("POD_NAME"); pod != nullptr && *pod != '\0') return pod;
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : fallback;
}

}  // namespace modelrun::runtime
