#include <malloc.h>

#include "base/log.h"
#include "operator/flags.h"
#include "operator/operator.h"
#include "runtime/run_until_signal.h"

int main(int argc, char** argv) {
  using namespace modelrun;
  // The process has about twenty threads that mostly wait. A malloc arena for each would cost 2 MiB without a
  // benefit.
  mallopt(M_ARENA_MAX, 1);
  auto parsed = op::parse_flags(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  auto flags = std::get<op::Flags>(std::move(parsed));
  log::configure(flags.log_format, flags.log_level);

  runtime::block_end_signals();
  auto instance = op::Operator::make(std::move(flags));
  if (!instance) {
    log::error("cannot start", {{"error", instance.error().message}});
    return 1;
  }
  return runtime::run_until_signal([&](const std::stop_token& stop) { return (*instance)->run(stop); });
}
