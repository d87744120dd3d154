// harness.py, compiled in (embed.cmake).
#pragma once

#include <string_view>

namespace modelrun::sandbox {

std::string_view harness_text();

}  // namespace modelrun::sandbox
