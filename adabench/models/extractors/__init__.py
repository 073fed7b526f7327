"""What turns a clip into the numbers that an estimator reads, one module an extractor."""
