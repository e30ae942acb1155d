# Every new object of a bucket becomes a message in a queue, for `v7s3 register --sqs`.
#
#   terraform apply -var bucket=acme-scans -var write_back_prefix=darwin/
#   v7s3 register --sqs "$(terraform output -raw queue_url)" --drain …
#
# EventBridge rather than S3's own notification to SQS, because only EventBridge can leave prefixes out: V7 writes
# thumbnails back into the bucket, and each would otherwise be registered, get a thumbnail, and so on for ever.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "bucket" {
  description = "The bucket behind V7's storage"
  type        = string
}

variable "write_back_prefix" {
  description = "Where V7 writes (the prefix of the storage in V7's settings), with the slash at its end"
  type        = string
  default     = "darwin/"
}

variable "artifacts_prefix" {
  description = "Where `v7s3 prepare` writes"
  type        = string
  default     = "v7s3/"
}

# This resource owns ALL notifications of the bucket. When the bucket has one in Terraform already, delete this and
# add `eventbridge = true` there.
resource "aws_s3_bucket_notification" "to_eventbridge" {
  bucket      = var.bucket
  eventbridge = true
}

resource "aws_sqs_queue" "arrivals" {
  name                       = "v7s3-arrivals-${var.bucket}"
  message_retention_seconds  = 1209600 # 14 days: a register job may be broken over a long weekend
  visibility_timeout_seconds = 120     # v7s3 asks for the same and extends it while it works
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.not_registered.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "not_registered" {
  name                      = "v7s3-not-registered-${var.bucket}"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_cloudwatch_event_rule" "new_objects" {
  name        = "v7s3-new-objects-${var.bucket}"
  description = "Objects written into the bucket, except by V7 and v7s3"
  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket] }
      object = { key = [{ "anything-but" = { prefix = [var.write_back_prefix, var.artifacts_prefix] } }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "arrivals" {
  rule = aws_cloudwatch_event_rule.new_objects.name
  arn  = aws_sqs_queue.arrivals.arn
}

data "aws_iam_policy_document" "eventbridge_sends" {
  statement {
    sid       = "EventBridgeSends"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.arrivals.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.new_objects.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "arrivals" {
  queue_url = aws_sqs_queue.arrivals.id
  policy    = data.aws_iam_policy_document.eventbridge_sends.json
}

output "queue_url" {
  description = "Give it to `v7s3 register --sqs`"
  value       = aws_sqs_queue.arrivals.url
}
