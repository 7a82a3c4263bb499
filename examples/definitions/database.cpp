// examples/definitions/database.cpp: defines the database session (libpqxx).
#include <noetl/pg/pqxx.hpp>
