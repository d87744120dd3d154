// The Landlock ring: what the model's processes may do to files, whatever the mounts allow. No TCP, no signals and no
// abstract unix sockets across the border either, where the kernel knows how.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/layout.h"

namespace modelrun::sandbox {

enum class LandlockMode { kRequired, kOptional };
// "required" or "optional"; anything else is kInvalid.
Result<LandlockMode> parse_landlock_mode(std::string_view text);

// What one ABI version of the kernel can enforce; the attribute of landlock_create_ruleset(2).
struct LandlockRules {
  std::uint64_t handled_fs = 0;
  std::uint64_t handled_net = 0;
  std::uint64_t scoped = 0;
  std::size_t attribute_size = 0;  // of the struct that this version knows

  struct Grant {
    std::string path;
    std::uint64_t access = 0;
    bool must_exist = false;
  };
  std::vector<Grant> grants;
};

// 0 when the kernel has none, or it is switched off.
int landlock_abi();
// REQUIRES: abi >= 1. Pure.
LandlockRules landlock_rules(int abi, const Layout& layout);

// A ruleset, ready to be applied. An empty descriptor: the kernel has no Landlock and the mode is optional.
Result<UniqueFd> make_landlock_ruleset(LandlockMode mode, const Layout& layout);
// Confines this process and its children. REQUIRES: no_new_privs is set, one thread. A negative fd: nothing to do.
Result<void> apply_landlock(int ruleset);

}  // namespace modelrun::sandbox
