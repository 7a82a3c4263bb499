// examples/definitions/http_client.cpp: defines the HTTP client (Beast).
#include <noetl/http/beast_client.hpp>
