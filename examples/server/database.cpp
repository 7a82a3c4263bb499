// examples/server/database.cpp: the one file of this program that defines the database session (libpqxx).
#include <noetl/pg/pqxx.hpp>
