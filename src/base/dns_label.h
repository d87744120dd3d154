// Names as Kubernetes allows them for namespaces and for this product's resources.
#pragma once

#include <string_view>

namespace modelrun {

// True for an RFC 1123 label: 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends.
[[nodiscard]] bool is_dns_label(std::string_view text);

}  // namespace modelrun
