//! stub
use crate::{Plan, PlanInput};
pub(crate) fn plan(_input: &PlanInput) -> Plan {
    Plan::default()
}
