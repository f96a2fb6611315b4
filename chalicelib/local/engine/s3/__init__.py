"""S3's data plane: object bytes as files, their keys in order."""
