// Compiles the parts of fmt that are not templates once, for all programs. Debian ships fmt only as headers and as a
// shared library. The static modelrun-sandbox cannot link the shared library, and header-only use would compile these
// parts again in every file, which takes 2.5 s for each.
#include <fmt/format-inl.h>

namespace fmt {
inline namespace v9 {
namespace detail {

template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl<char>(locale_ref) -> char;

}  // namespace detail
}  // namespace v9
}  // namespace fmt
