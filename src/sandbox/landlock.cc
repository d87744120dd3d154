#include "sandbox/landlock.h"

#include <cerrno>

#include "base/landlock.h"

namespace modelrun::sandbox {

Result<LandlockMode> parse_landlock_mode(std::string_view text) {
  if (text == "required") return LandlockMode::kRequired;
  if (text == "optional") return LandlockMode::kOptional;
  return fail(ErrorKind::kInvalid, "{}='{}': use required or optional", api::kEnvLandlock, text);
}

LandlockRules landlock_rules(int abi, const Layout& layout) {
  LandlockRules rules;
  rules.denied = landlock::everything(abi);

  const std::uint64_t write = rules.denied.handled_fs & ~(landlock::kMakeChar | landlock::kMakeBlock);
  rules.grants.push_back({"/", landlock::kRead, true});
  rules.grants.push_back({layout.at(api::kOutputsDir), write, true});
  rules.grants.push_back({layout.at(api::kTmpDir), write, true});
  rules.grants.push_back({layout.at(api::kUpstreamDir), write, false});
  rules.grants.push_back({"/dev/shm", write, false});
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
    rules.grants.push_back({device,
                            (landlock::kReadFile | landlock::kWriteFile | landlock::kTruncate | landlock::kIoctlDev) &
                                rules.denied.handled_fs,
                            false});
  }
  return rules;
}

Result<UniqueFd> make_landlock_ruleset(LandlockMode mode, const Layout& layout) {
  const int abi = landlock::abi();
  if (abi < 1) {
    if (mode == LandlockMode::kOptional) return UniqueFd();
    return fail(ErrorKind::kUnavailable,
                "the node's kernel has no Landlock; run on nodes that have it, or start the operator with "
                "--landlock=optional");
  }
  const LandlockRules rules = landlock_rules(abi, layout);
  auto ruleset = landlock::create(rules.denied, abi);
  if (!ruleset) return ruleset;
  for (const LandlockRules::Grant& grant : rules.grants) {
    RETURN_IF_ERROR(landlock::allow_path(ruleset->get(), grant.path, grant.access, grant.must_exist));
  }
  return ruleset;
}

Result<void> apply_landlock(int ruleset) {
  if (ruleset < 0) return {};
  if (!landlock::restrict_self(ruleset)) return std::unexpected(errno_error("landlock_restrict_self", errno));
  return {};
}

}  // namespace modelrun::sandbox
