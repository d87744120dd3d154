// Quantities of Kubernetes, such as 500m, 2, 1Gi or 1e3. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace modelrun::cli::doctor {

// The number that `text` means, near enough to compare two of them; nullopt when it is none.
std::optional<double> parse_quantity(std::string_view text);

}  // namespace modelrun::cli::doctor
