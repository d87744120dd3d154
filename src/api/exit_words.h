// The sentences with which a run, or a point of one, says how its program ended. The operator gives the verdict of a
// run, the agent that of a point (api/points.h); people read the same words in both. Pure and thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "api/sandbox.h"

namespace modelrun::api {

// The exit code as a shell reports it: the code, or 128 + the signal's number; nullopt when neither is known.
std::optional<int> shell_code(const ExitRecord& exit);

// For example "SIGSEGV"; "signal 70" for one without a name.
std::string signal_name(int signal);

// `told`: the program's own words; empty if it has said nothing.
std::string exit_words(int code, std::string_view told);
std::string signal_words(int signal);
std::string timeout_words(std::chrono::seconds timeout);
inline constexpr std::string_view kOutOfMemoryWords =
    "the model ran out of memory and was killed; raise spec.runtime.resources.limits.memory of the project or use less";
// True if the record is that of a process that the kernel killed because there was no memory left.
bool ran_out_of_memory(const ExitRecord& exit);

}  // namespace modelrun::api
