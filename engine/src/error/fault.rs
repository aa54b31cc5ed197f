//! The numbers of faults of recursive queries and of windows.

use super::code;

/// So have expressions that read themselves.
pub(super) fn recursion_fault(fault: allod_planner::bind::RecursionFault) -> u16 {
    use allod_planner::bind::RecursionFault as F;
    match fault {
        F::NoUnion => code::RECURSION_NO_UNION,
        F::NoSeed => code::RECURSION_NO_SEED,
        F::Aggregates => code::RECURSION_AGGREGATES,
        F::FarSide => code::RECURSION_FAR_SIDE,
        F::ReferencedTwice => code::RECURSION_REFERENCED_TWICE,
    }
}

/// So have windows.
pub(super) fn window_fault(fault: &allod_planner::bind::WindowFault) -> u16 {
    use allod_planner::bind::WindowFault as F;
    match fault {
        F::Unknown(_) => 3579,
        F::Circular => 3580,
        F::ChildPartitions => 3581,
        F::ParentFrame(_) => 3582,
        F::TwoOrders { .. } => 3583,
        F::FrameStart(_) => 3584,
        F::FrameEnd(_) => 3585,
        F::FrameValue(_) => 3586,
        F::RangeKey(_) => 3587,
        F::RangeOfTime(_) => 3588,
        F::RangeOfNumbers(_) => 3589,
        F::Twice(_) => 3591,
        F::Misplaced(_) => 3593,
        F::IntervalOfRows(_) => 3596,
    }
}
