"""What SageMaker hands over: configuration files in, facts about the job out."""
