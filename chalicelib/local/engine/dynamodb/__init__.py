"""DynamoDB's data plane: items as plain attribute values, sorted partitions, compiled expressions."""
