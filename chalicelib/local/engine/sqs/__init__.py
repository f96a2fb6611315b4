"""SQS's data plane: queues of groups, with the rules of FIFO."""
