// stream/event_subject.hpp: the subject of an event, whatever its type is.
// Knows nats/subject. Source: spec http-platform.md section 16, defect D-23.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/core/hex.hpp>
#include <noetl/nats/subject.hpp>

namespace noetl::stream {

/// Longest encoded type, bytes: far below the 4 KiB that a NATS protocol line may have.
inline constexpr std::size_t longest_type_subject = 480;

/// `prefix.<type>`, dots in the type are dots of the subject; `prefix.unknown` without a type.
///
/// What a subject cannot hold is percent-encoded: blanks, control characters, `*`, `>`, and `%` itself, so different
/// types never share a subject. A token that is empty (empty type, stray dots) is `%`. A longer text is cut and ends in
/// `%~<16 hex digits>`, a hash (FNV-1a) of the whole type. The payload always holds the type as it is.
inline std::string event_subject(std::string_view prefix, std::optional<std::string_view> type) {
   std::string out(prefix);
   out += '.';
   if (!type) return out += "unknown";
   auto const start = out.size();
   std::uint64_t hash = 0xcbf29ce484222325U;
   bool token_empty = true;
   std::size_t safe = start; // the last place where the text may be cut
   for (char const c : *type) {
      auto const byte = static_cast<unsigned char>(c);
      hash = (hash ^ byte) * 0x100000001b3U;
      if (out.size() - start > longest_type_subject) continue;
      if ((byte & 0xC0U) != 0x80U && out.size() - start <= longest_type_subject - 24) safe = out.size();
      if (c == '.') {
         if (token_empty) out += '%';
         out += '.';
         token_empty = true;
      } else if (byte <= 32 || byte == 127 || c == '*' || c == '>' || c == '%') {
         out += '%';
         append_hex(out, byte, upper_hex_digits);
         token_empty = false;
      } else {
         out += c;
         token_empty = false;
      }
   }
   if (token_empty) out += '%';
   if (out.size() - start <= longest_type_subject) return out;
   out.resize(safe);
   out += "%~";
   out += hex_text(hash);
   return out;
}

} // namespace noetl::stream
