// control_plane/base64.hpp: text that may have been sent as standard padded base64 (RFC 4648 section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <tao/json/utf8.hpp>

#include <noetl/core/base64.hpp>

namespace noetl::control_plane {

/// The decoded text when `encoded` is padded base64 of valid UTF-8 without NUL bytes, else nothing.
inline std::optional<std::string> decode_base64_text(std::string_view encoded) {
   if (encoded.empty()) return std::nullopt;
   auto text = decode_base64(encoded);
   if (!text || text->find('\0') != std::string::npos || !tao::json::internal::validate_utf8_nothrow(*text))
      return std::nullopt;
   return text;
}

} // namespace noetl::control_plane
